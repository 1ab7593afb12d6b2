//! Decoding of arguments into the kinds of types that handlers take.
#![no_main]

use std::collections::HashMap;

use jidda_runtime::handler::{RawArguments, Argument, ArgumentReader, Arguments};
use jidda_runtime::{Encoding, Value};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

const NAMES: &[&str] = &["a", "b", "c"];

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Order {
    id: u64,
    lines: Vec<(String, f32)>,
    note: Option<String>,
    #[serde(default)]
    tags: HashMap<String, Kind>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
enum Kind {
    Plain,
    Sized(u8, i16),
    Named { parent: Option<Box<Kind>> },
}

/// Takes three arguments of one type, as a handler would; an error ends it.
fn three<T: Argument>(bytes: &[u8]) {
    let Ok(mut reader) = Arguments::new(bytes, Encoding::MessagePack).reader(NAMES) else { return };
    for _ in NAMES {
        if let Err(error) = reader.take::<T>() {
            assert_eq!(error.code(), "bad_arguments");
            return;
        }
    }
    // What is left over is nobody's.
    let _ = reader.take::<RawArguments>();
}

fn mixed(mut reader: ArgumentReader<'_>) -> Option<()> {
    reader.take::<String>().ok()?;
    reader.take_or_default::<u32>().ok()?;
    reader.take::<Option<Order>>().ok()?;
    reader.take::<RawArguments>().ok().map(drop)
}

fuzz_target!(|bytes: &[u8]| {
    three::<u8>(bytes);
    three::<i64>(bytes);
    three::<f64>(bytes);
    three::<bool>(bytes);
    three::<char>(bytes);
    three::<String>(bytes);
    three::<()>(bytes);
    three::<Option<String>>(bytes);
    three::<Vec<u8>>(bytes);
    three::<Vec<()>>(bytes);
    three::<(u8, String)>(bytes);
    three::<HashMap<String, Value>>(bytes);
    three::<Value>(bytes);
    three::<Order>(bytes);
    three::<Kind>(bytes);
    three::<RawArguments>(bytes);
    if let Ok(reader) = Arguments::new(bytes, Encoding::MessagePack).reader(NAMES) {
        mixed(reader);
    }
});
