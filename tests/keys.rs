//! The program that makes keys.
#![cfg(feature = "noise")]
#![allow(missing_docs)]

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use jidda::noise::{KeyPair, PublicKey};

/// Its exit code, what it printed, and its complaint.
fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jidda-keys")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("jidda-keys-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn one_command_makes_a_pair() {
    let folder = folder("program");
    let file = folder.join("server.key");
    let (code, printed, complaint) = run([&file]);
    assert_eq!((code, &*complaint), (0, ""));
    let public: PublicKey = printed.trim_end().parse().unwrap();
    assert_eq!(KeyPair::from_file(&file).unwrap().public(), public);
    let secret = fs::read_to_string(&file).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    }
    // The public key again, whenever it is needed.
    assert_eq!(run([OsStr::new("--public"), file.as_os_str()]), (0, printed, String::new()));
    // A key that is there is never replaced.
    let (code, printed, complaint) = run([&file]);
    assert_eq!((code, &*printed), (1, ""));
    assert!(complaint.contains("server.key") && complaint.contains("exists"), "{complaint}");
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_it_cannot_do_it_says() {
    for wrong in [&[][..], &["--help"], &["--public"], &["a", "b"], &["--secret", "a"], &[""]] {
        let (code, printed, complaint) = run(wrong);
        assert_eq!((code, &*printed), (2, ""), "{wrong:?}");
        assert!(complaint.starts_with("usage: jidda-keys FILE"), "{complaint}");
    }
    let folder = folder("mistakes");
    let file = folder.join("none.key");
    let (code, printed, complaint) = run([OsStr::new("--public"), file.as_os_str()]);
    assert_eq!((code, &*printed), (1, ""));
    assert!(complaint.starts_with("cannot read the key file"), "{complaint}");
    fs::write(&file, "no key, but a secret").unwrap();
    let (code, _, complaint) = run([OsStr::new("--public"), file.as_os_str()]);
    assert_eq!(code, 1);
    assert!(complaint.contains("a key has 43 characters") && !complaint.contains("secret"), "{complaint}");
    fs::remove_dir_all(folder).unwrap();
}
