//! Arguments that are written before it is known who gets them.

use serde::Serialize;
use smallvec::SmallVec;

use super::hub::Hub;
use crate::error::SendError;
use crate::payload::{CodecError, Encoding, encode_arguments_into};

/// An event's argument list, in each encoding that may be asked for.
#[derive(Clone, Debug)]
pub(super) struct Encoded(SmallVec<[(Encoding, Vec<u8>); 1]>);

impl Encoded {
    fn new<A: Serialize + ?Sized>(
        arguments: &A,
        encodings: impl Iterator<Item = Encoding>,
    ) -> Result<Self, CodecError> {
        let lists = encodings.map(|encoding| {
            let mut list = Vec::with_capacity(48);
            encode_arguments_into(&mut list, arguments, encoding)?;
            Ok((encoding, list))
        });
        lists.collect::<Result<_, _>>().map(Self)
    }

    /// Writes the list for one peer.
    pub(super) fn one<A: Serialize + ?Sized>(arguments: &A, encoding: Encoding) -> Result<Self, CodecError> {
        Self::new(arguments, std::iter::once(encoding))
    }

    /// Writes the list for any of a hub's connections.
    pub(super) fn all<A: Serialize + ?Sized>(arguments: &A, hub: &Hub) -> Result<Self, CodecError> {
        Self::new(arguments, hub.encodings())
    }

    /// The list in one encoding. There is none for peers of a kind that came only after it was written.
    pub(super) fn get(&self, encoding: Encoding) -> Option<&[u8]> {
        self.0.iter().find(|(each, _)| *each == encoding).map(|(_, list)| &**list)
    }

    /// The list in whatever encoding there is.
    pub(super) fn any(&self) -> Option<(Encoding, &[u8])> {
        self.0.first().map(|(encoding, list)| (*encoding, &**list))
    }

    /// Only the list in one encoding.
    pub(super) fn only(&self, encoding: Encoding) -> Result<Self, CodecError> {
        let list = self.get(encoding).ok_or_else(|| CodecError("the peer came later".into()))?;
        Ok(Self(SmallVec::from_iter([(encoding, list.to_vec())])))
    }
}

impl From<CodecError> for SendError {
    fn from(error: CodecError) -> Self {
        Self::Encode(error.0)
    }
}
