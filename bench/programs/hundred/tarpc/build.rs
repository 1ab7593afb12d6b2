//! Writes a service of a hundred methods.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    let mut service = "/// The service.\n#[tarpc::service]\npub trait Hundred {\n".to_owned();
    let mut methods = "impl Hundred for HundredService {\n".to_owned();
    for number in 0..100 {
        writeln!(
            service,
            "    /// A method.\n    async fn handler_{number}(text: String, count: u32) -> String;"
        )
        .expect("a string takes any text");
        writeln!(
            methods,
            "    async fn handler_{number}(self, _: context::Context, text: String, count: u32) -> String {{\n        \
             format!(\"{{text}} {{count}} {{}}\", self.peer)\n    }}"
        )
        .expect("a string takes any text");
    }
    let folder = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&folder).join("handlers.rs"), format!("{service}}}\n\n{methods}}}\n"))
        .expect("the folder is there");
    println!("cargo::rerun-if-changed=build.rs");
}
