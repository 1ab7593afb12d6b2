//! The service. It is described here rather than in a `.proto`, which would need `protoc`.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let text = "crate::Text";
    let echo = Method::builder().name("echo").route_name("Echo").codec_path("tonic_prost::ProstCodec");
    let echo = echo.input_type(text).output_type(text).build();
    let service = Service::builder().package("echo").name("Texts").method(echo).build();
    Builder::new().build_client(false).compile(&[service]);
    println!("cargo::rerun-if-changed=build.rs");
}
