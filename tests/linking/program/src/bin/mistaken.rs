//! Expects handlers of a crate that has none.

fn main() -> Result<(), jidda::StartError> {
    jidda::run!("127.0.0.1:0", link = [greeting, silent])
}
