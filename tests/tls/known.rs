//! Clients known by the certificates that they prove to own.

use jidda::auth::{Identity, TrustedKeys};
use jidda::prelude::*;
use sha2::{Digest as _, Sha256};

use super::authority::{Authority, der};
use super::{LIMIT, builder, client};

#[on]
async fn my_name(identity: &Identity) -> String {
    identity.name().to_owned()
}

#[tokio::test]
async fn a_certificate_of_the_list_is_an_identity() {
    let (ours, people) = (Authority::new("ours"), Authority::new("people"));
    let tls = ours.local().server().client_certificates(people.root()).unwrap();
    let tls = tls.optional_client_certificates().unwrap();
    let (ada, bob) = (people.identity(&["ada"]), people.identity(&["bob"]));
    let fingerprint = Sha256::digest(der(&ada.chain)).into();
    let keys = TrustedKeys::new().certificate(fingerprint, "ada");
    let server = builder(tls).authenticator(keys).start().await.unwrap();

    let with_ada = ours.client().client_certificate(&ada.chain, &ada.key).unwrap();
    let known = client(&server, with_ada).connect().await.unwrap();
    assert_eq!(my_name::call(&known).await.unwrap(), "ada");
    // Bob's is as good for TLS, but not in the list; and who shows none is nobody.
    let with_bob = ours.client().client_certificate(&bob.chain, &bob.key).unwrap();
    for stranger in [with_bob, ours.client()] {
        let error = client(&server, stranger).connect_timeout(LIMIT).connect().await.unwrap_err();
        let jidda::error::ConnectError::Refused(error) = error else { panic!("{error}") };
        assert_eq!(error.code(), Some("unauthenticated"));
    }
}
