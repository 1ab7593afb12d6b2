//! The service that tonic is measured with. It is described here rather than in a `.proto`, which would need `protoc`.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let text = "crate::peer::tonic::Text";
    let method = |name: &str, route: &str| {
        let method = Method::builder().name(name).route_name(route).codec_path("tonic_prost::ProstCodec");
        method.input_type(text).output_type(text)
    };
    let service = Service::builder()
        .package("bench")
        .name("Texts")
        .method(method("echo", "Echo").build())
        .method(method("items", "Items").server_streaming().build())
        .build();
    Builder::new().compile(&[service]);
    println!("cargo::rerun-if-changed=build.rs");
}
