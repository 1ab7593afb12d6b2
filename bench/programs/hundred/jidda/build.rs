//! Writes a hundred handlers.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    let mut source = String::new();
    for number in 0..100 {
        writeln!(
            source,
            "/// A handler.\n#[on]\nasync fn handler_{number}(socket: &Socket, text: String, count: u32) -> String {{\n    \
             format!(\"{{text}} {{count}} {{}}\", socket.peer())\n}}\n"
        )
        .expect("a string takes any text");
    }
    let folder = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&folder).join("handlers.rs"), source).expect("the folder is there");
    println!("cargo::rerun-if-changed=build.rs");
}
