//! A dependency of a dependency, with its handlers out of the crate's root.

pub mod tomorrow {
    use jidda::prelude::*;

    #[on]
    async fn weather() -> &'static str {
        "rain"
    }
}

#[derive(Default)]
pub struct Almanac;

#[jidda::namespace("/almanac")]
impl Almanac {
    #[jidda::on]
    async fn sunrise(&self) -> u32 {
        6
    }
}
