//! What went wrong with TLS, in a sentence for whoever runs the client: what is wrong, and what to do.

use std::io;
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// The same error, in words.
pub(super) fn explain(error: &io::Error) -> io::Error {
    let text = match error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) {
        Some(cause) => sentence(cause),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server ended the TLS handshake without a word".to_owned()
        }
        None => error.to_string(),
    };
    io::Error::new(error.kind(), text)
}

fn sentence(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(problem) => format!("the server's certificate {}", certificate(problem)),
        Error::NoCertificatesPresented => "the server showed no certificate".to_owned(),
        Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => {
            "the server does not speak TLS: use `tcp://` or `http://`, or the port where it does".to_owned()
        }
        Error::AlertReceived(alert) => refusal(*alert),
        Error::DecryptError => "what the server sent was changed on its way".to_owned(),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => OLD.to_owned(),
        Error::PeerIncompatible(problem) => {
            format!("the server and this client have nothing in common to speak TLS with: {problem:?}")
        }
        Error::NoApplicationProtocol => FOREIGN.to_owned(),
        Error::FailedToGetCurrentTime => "the clock of this machine tells no time: set it".to_owned(),
        other => other.to_string(),
    }
}

const OLD: &str = "the server speaks neither TLS 1.3 nor TLS 1.2: it has to be updated";
const FOREIGN: &str = "the server speaks TLS, but not the protocol of this client: is it the right port?";

/// What is wrong with a certificate, as the end of a sentence.
pub(super) fn certificate(problem: &CertificateError) -> String {
    let text = match problem {
        CertificateError::UnknownIssuer => {
            "is of an unknown issuer; a root of your own is given with `TlsClient::root_certificate`, and \
             certificates between the root and the server's are for the server to send"
        }
        CertificateError::Expired => "has expired: renew it, if the clock of this machine is right",
        CertificateError::ExpiredContext { not_after, .. } => {
            let end = date(*not_after);
            return format!("has expired at {end}: renew it, if the clock of this machine is right");
        }
        CertificateError::NotValidYet => "is not valid yet: is the clock of this machine right?",
        CertificateError::NotValidYetContext { not_before, .. } => {
            let begin = date(*not_before);
            return format!("is not valid yet, but from {begin} on: is the clock of this machine right?");
        }
        CertificateError::Revoked => "was revoked: the server needs a new one",
        CertificateError::NotValidForName => {
            "is for another name: connect by that, or give it with `TlsClient::server_name`"
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            return wrong_name(&expected.to_str(), presented);
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not one for servers: its extended key usage needs serverAuth"
        }
        CertificateError::BadSignature => {
            "was not signed by the issuer that it names: the root has this name, but another key"
        }
        CertificateError::BadEncoding => "cannot be read: it is no certificate of X.509",
        CertificateError::UnhandledCriticalExtension => {
            "has a critical extension that is not known here: make one without it"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed in a way that is not supported: use ECDSA on P-256 or P-384, Ed25519, or RSA of 2048 bits \
             and more, with SHA-256 or better"
        }
        CertificateError::Other(other) => return chain(&other.to_string()),
        other => return format!("is not good: {other}"),
    };
    text.to_owned()
}

/// What rustls has no kind of its own for; its verifier has, by these names.
fn chain(problem: &str) -> String {
    let text = match problem {
        "CaUsedAsEndEntity" => {
            "is that of an authority (CA:TRUE), which must not be a server's: sign one for the server with it, or \
             make it with `-addext basicConstraints=critical,CA:FALSE`"
        }
        "EndEntityUsedAsCa" => {
            "is signed by a certificate that is no authority (CA:FALSE): sign it with one that has CA:TRUE"
        }
        "UnsupportedCertVersion" => {
            "is not of version 3: make one with a subject alternative name, which makes it that"
        }
        "NameConstraintViolation" => {
            "has a name that its issuer may not sign for: take another issuer or name"
        }
        "PathLenConstraintViolated" | "MaximumPathDepthExceeded" => {
            "has more authorities above it than these allow: sign it with one that is nearer to the root"
        }
        "CertDistrusted" => "is of an issuer that is not trusted any more: renew it with another one",
        _ => return format!("is not good: {problem}"),
    };
    text.to_owned()
}

fn wrong_name(expected: &str, presented: &[String]) -> String {
    // Names as certificates show them, `DnsName("localhost")`, are for programmers.
    let names: Vec<_> = presented.iter().map(|name| bare(name)).collect();
    if names.is_empty() {
        return format!(
            "is not for {expected}, but for no name: make one with `-addext subjectAltName=DNS:{expected}`"
        );
    }
    let names = names.join(", ");
    format!(
        "is not for {expected}, but for {names}: connect by one of these, or give it with `TlsClient::server_name`"
    )
}

/// What is wrapped in it, without its quotation marks.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    // Certificates end in the year 9999 at the latest.
    humantime::format_rfc3339_seconds(time.unwrap_or(last).min(last)).to_string()
}

/// What a server says to a client in one byte.
fn refusal(alert: AlertDescription) -> String {
    let text = match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "wants to see a certificate of the client: give it with `TlsClient::client_certificate`"
        }
        AlertDescription::UnknownCA => {
            "does not know the issuer of the client's certificate: give it with `TlsServer::client_certificates`"
        }
        AlertDescription::CertificateExpired => "finds the client's certificate expired: renew it",
        AlertDescription::CertificateRevoked => "finds the client's certificate revoked: it needs a new one",
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::DecryptError => {
            "does not accept the client's certificate: its log at the level `debug` says why"
        }
        AlertDescription::AccessDenied => "lets this client's certificate not in",
        AlertDescription::UnrecognisedName => {
            "has no certificate for this name: give the right one with `TlsClient::server_name`"
        }
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "and this client have no cipher or kind of signature in common"
        }
        AlertDescription::NoApplicationProtocol => return FOREIGN.to_owned(),
        AlertDescription::ProtocolVersion => return OLD.to_owned(),
        AlertDescription::BadRecordMac => "got something that was changed on its way",
        other => return format!("the server ended the TLS connection: {other:?}"),
    };
    format!("the server {text}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{InvalidMessage, OtherError};

    use super::*;

    fn text(error: impl Into<Error>) -> String {
        explain(&io::Error::new(io::ErrorKind::InvalidData, error.into())).to_string()
    }

    /// An error of the verifier that rustls has no kind for.
    fn other(name: &'static str) -> CertificateError {
        CertificateError::Other(OtherError(Arc::new(io::Error::other(name))))
    }

    #[test]
    fn each_error_is_a_sentence_that_says_what_to_do() {
        let name = |presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: "localhost".try_into().unwrap(),
            presented: presented.iter().map(ToString::to_string).collect(),
        };
        let then = UnixTime::since_unix_epoch(Duration::from_secs(1_009_843_200));
        let expired = CertificateError::ExpiredContext { time: then, not_after: then };
        let early = CertificateError::NotValidYetContext { time: then, not_before: then };
        let weak = CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: Vec::new(),
            supported_algorithms: Vec::new(),
        };
        for (error, words) in [
            (CertificateError::UnknownIssuer, &["an unknown issuer", "`TlsClient::root_certificate`"][..]),
            (CertificateError::Expired, &["has expired", "renew it", "clock"]),
            (expired, &["has expired at 2002-01-01T00:00:00Z", "renew it", "clock"]),
            (CertificateError::NotValidYet, &["is not valid yet", "clock"]),
            (early, &["is not valid yet", "from 2002-01-01T00:00:00Z on", "clock"]),
            (CertificateError::Revoked, &["was revoked", "needs a new one"]),
            (CertificateError::NotValidForName, &["another name", "`TlsClient::server_name`"]),
            (
                name(&["DnsName(\"example.com\")", "*.test", "IpAddress(::1)"]),
                &["is not for localhost, but for example.com, *.test, ::1: ", "`TlsClient::server_name`"],
            ),
            (name(&[]), &["but for no name", "subjectAltName=DNS:localhost"]),
            (CertificateError::InvalidPurpose, &["not one for servers", "serverAuth"]),
            (CertificateError::BadSignature, &["not signed by the issuer", "another key"]),
            (CertificateError::BadEncoding, &["cannot be read"]),
            (CertificateError::UnhandledCriticalExtension, &["critical extension", "make one without it"]),
            (weak, &["not supported", "P-256", "RSA of 2048 bits"]),
            (other("CaUsedAsEndEntity"), &["CA:TRUE", "sign one for the server", "CA:FALSE"]),
            (other("EndEntityUsedAsCa"), &["CA:FALSE", "sign it with one"]),
            (other("UnsupportedCertVersion"), &["version 3", "subject alternative name"]),
            (other("NameConstraintViolation"), &["may not sign for"]),
            (other("PathLenConstraintViolated"), &["more authorities"]),
            (other("SomethingNew"), &["is not good: SomethingNew"]),
            (CertificateError::UnknownRevocationStatus, &["is not good: "]),
        ] {
            let text = text(error);
            assert!(text.starts_with("the server's certificate "), "{text}");
            assert!(words.iter().all(|word| text.contains(word)), "{words:?} are not in: {text}");
            assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
        }
        for (error, words) in [
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), "does not speak TLS: use `tcp://`"),
            (Error::NoCertificatesPresented, "showed no certificate"),
            (Error::DecryptError, "was changed on its way"),
            (PeerIncompatible::ServerDoesNotSupportTls12Or13.into(), "neither TLS 1.3 nor TLS 1.2"),
            (PeerIncompatible::NoKxGroupsInCommon.into(), "nothing in common"),
            (Error::NoApplicationProtocol, "is it the right port?"),
            (Error::FailedToGetCurrentTime, "clock of this machine"),
            (Error::General("else".into()), "else"),
        ] {
            let text = text(error);
            assert!(text.contains(words), "`{words}` is not in: {text}");
        }
        assert_eq!(explain(&io::Error::other("else")).to_string(), "else");
        let ended = explain(&io::ErrorKind::UnexpectedEof.into()).to_string();
        assert_eq!(ended, "the server ended the TLS handshake without a word");
    }

    #[test]
    fn each_alert_is_a_sentence_that_says_what_to_do() {
        for (alert, words) in [
            (AlertDescription::CertificateRequired, "give it with `TlsClient::client_certificate`"),
            (AlertDescription::UnknownCA, "does not know the issuer of the client's certificate"),
            (AlertDescription::CertificateExpired, "expired: renew it"),
            (AlertDescription::CertificateRevoked, "it needs a new one"),
            (AlertDescription::BadCertificate, "its log at the level `debug` says why"),
            (AlertDescription::UnrecognisedName, "`TlsClient::server_name`"),
            (AlertDescription::HandshakeFailure, "no cipher or kind of signature in common"),
            (AlertDescription::NoApplicationProtocol, "is it the right port?"),
            (AlertDescription::ProtocolVersion, "it has to be updated"),
            (AlertDescription::InternalError, "ended the TLS connection: InternalError"),
        ] {
            let text = text(Error::AlertReceived(alert));
            assert!(text.starts_with("the server ") && text.contains(words), "`{words}` is not in: {text}");
        }
    }
}
