//! Makes keys for `noise://`.
//!
//! ```text
//! jidda-keys FILE            writes a new secret key to FILE and prints the public key that belongs to it
//! jidda-keys --public FILE   prints the public key of the secret key in FILE
//! ```

use std::process::ExitCode;

use jidda::noise::KeyPair;

const USAGE: &str = "\
usage: jidda-keys FILE            writes a new secret key to FILE and prints its public key
       jidda-keys --public FILE   prints the public key of the secret key in FILE";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(|argument| (argument, argument.to_str())).collect();
    let result = match *arguments {
        [(_, Some("--public")), (path, _)] => KeyPair::from_file(path),
        // A file may be named anything; one that looks like an option is more likely a mistake.
        [(path, text)] if !text.is_some_and(|text| text.is_empty() || text.starts_with('-')) => {
            let keys = KeyPair::generate();
            keys.write_file(path).map(|()| keys)
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(keys) => {
            println!("{}", keys.public());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
