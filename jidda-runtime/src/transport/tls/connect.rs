//! A client's side of the handshake, and what went wrong in words.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::verdict::Verdict;
use super::{TlsClient, TlsStream};

/// Speaks TLS to the server at this host and port, which `stream` leads to.
///
/// # Errors
///
/// Why the server is not believed, or what it says.
///
/// # Cancel safety
///
/// Dropping the future closes the stream.
pub(in crate::transport) async fn connect(
    stream: TcpStream,
    authority: &str,
    client: &TlsClient,
) -> io::Result<TlsStream> {
    let name = client.name(authority).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let config = client.config().await?;
    let connecting = TlsConnector::from(config).connect(name, stream);
    let stream = connecting.await.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), "the server ended the TLS handshake without a word")
        }
        _ => explain(&error),
    })?;
    Ok(TlsStream::new(stream, Verdict::pending()))
}

/// The same error, in words for whoever runs the client.
pub(super) fn explain(error: &io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    let text = match cause {
        Some(Error::InvalidCertificate(problem)) => certificate(problem),
        Some(Error::InvalidMessage(_)) => "the server does not speak TLS".to_owned(),
        Some(Error::AlertReceived(alert)) => refusal(*alert),
        Some(Error::DecryptError) => "what the server sent was changed on its way".to_owned(),
        Some(Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)) => {
            "the server speaks neither TLS 1.3 nor TLS 1.2".to_owned()
        }
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), text)
}

fn certificate(problem: &CertificateError) -> String {
    let text = match problem {
        CertificateError::UnknownIssuer => {
            "is of an unknown issuer; a root of your own is given with `TlsClient::root_certificate`"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet",
        CertificateError::Revoked => "was revoked",
        CertificateError::NotValidForNameContext { expected, presented } => {
            // Names as certificates show them, `DnsName("localhost")`, are for programmers.
            let names: Vec<_> = presented.iter().map(|name| bare(name)).collect();
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
            return format!("the server's certificate is not for {}, but for {names}", expected.to_str());
        }
        other => return format!("the server's certificate is not good: {other}"),
    };
    format!("the server's certificate {text}")
}

/// What is wrapped in it, without its quotation marks.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn refusal(alert: AlertDescription) -> String {
    let text = match alert {
        AlertDescription::CertificateRequired => {
            "wants to see a certificate of the client: give it with `TlsClient::client_certificate`"
        }
        AlertDescription::UnknownCA => "does not know the issuer of the client's certificate",
        AlertDescription::CertificateExpired => "finds the client's certificate expired",
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::DecryptError => "does not accept the client's certificate",
        AlertDescription::NoApplicationProtocol => "speaks TLS, but not jidda's protocol",
        AlertDescription::ProtocolVersion => "speaks neither TLS 1.3 nor TLS 1.2",
        AlertDescription::BadRecordMac => "got something that was changed on its way",
        other => return format!("the server ended the TLS connection: {other:?}"),
    };
    format!("the server {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_is_wrong() {
        let text = |error: Error| explain(&io::Error::new(io::ErrorKind::InvalidData, error)).to_string();
        let mismatch = CertificateError::NotValidForNameContext {
            expected: "localhost".try_into().unwrap(),
            presented: vec!["DnsName(\"example.com\")".into(), "*.test".into(), "IpAddress(::1)".into()],
        };
        assert_eq!(
            text(mismatch.into()),
            "the server's certificate is not for localhost, but for example.com, *.test, ::1"
        );
        assert_eq!(text(CertificateError::Expired.into()), "the server's certificate has expired");
        let clear = rustls::InvalidMessage::InvalidContentType;
        assert_eq!(text(clear.into()), "the server does not speak TLS");
        let alert = Error::AlertReceived(AlertDescription::UnknownCA);
        assert_eq!(text(alert), "the server does not know the issuer of the client's certificate");
        assert_eq!(explain(&io::Error::other("else")).to_string(), "else");
    }
}
