//! Writes a hundred handlers.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    let mut source = "/// Registers the handlers.\nfn register(socket: &SocketRef) {\n".to_owned();
    for number in 0..100 {
        writeln!(
            source,
            "    socket.on(\n        \"handler_{number}\",\n        async |socket: SocketRef, Data((text, count)): \
             Data<(String, u32)>, acknowledge: AckSender| {{\n            \
             acknowledge.send(&format!(\"{{text}} {{count}} {{}}\", socket.id)).ok();\n        }},\n    );"
        )
        .expect("a string takes any text");
    }
    source.push_str("}\n");
    let folder = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&folder).join("handlers.rs"), source).expect("the folder is there");
    println!("cargo::rerun-if-changed=build.rs");
}
