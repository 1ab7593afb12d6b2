//! Arguments that are encoded before their recipients are known.

use std::sync::Arc;

use serde::Serialize;
use smallvec::SmallVec;

use crate::error::SendError;
use crate::handler::RawArguments;
use crate::objects::Hub;
use crate::payload::{CodecError, Encoding, Payload, Value, encode_arguments_into};

/// An event's argument list, in each encoding that may be asked for, or why it has none there.
#[derive(Clone, Debug)]
pub(crate) enum Encoded {
    Own(Lists),
    /// Of a call of many: each has the same.
    Shared(Arc<Lists>),
}

/// A list in each encoding.
pub(crate) type Lists = SmallVec<[(Encoding, List); 1]>;

type List = Result<Vec<u8>, CodecError>;

fn encode<A: Serialize + ?Sized>(arguments: &A, encoding: Encoding) -> List {
    let mut list = Vec::with_capacity(48);
    encode_arguments_into(&mut list, arguments, encoding)?;
    Ok(list)
}

impl Encoded {
    fn lists(&self) -> &Lists {
        match self {
            Self::Own(lists) => lists,
            Self::Shared(lists) => lists,
        }
    }

    /// The lists for several calls, each of which holds them without a copy.
    pub(crate) fn shared(self) -> Arc<Lists> {
        match self {
            Self::Own(lists) => Arc::new(lists),
            Self::Shared(lists) => lists,
        }
    }

    /// Writes the list for one peer.
    pub(crate) fn one<A: Serialize + ?Sized>(arguments: &A, encoding: Encoding) -> Result<Self, CodecError> {
        let list = encode(arguments, encoding)?;
        Ok(Self::Own(SmallVec::from_iter([(encoding, Ok(list))])))
    }

    /// A list that is written already.
    pub(crate) fn messagepack(list: Vec<u8>) -> Self {
        Self::Own(SmallVec::from_iter([(Encoding::MessagePack, Ok(list))]))
    }

    /// Writes the list for any of a hub's connections. It is an error if none of them can be sent it.
    pub(crate) fn all<A: Serialize + ?Sized>(arguments: &A, hub: &Hub) -> Result<Self, CodecError> {
        let lists: Lists = hub.encodings().map(|encoding| (encoding, encode(arguments, encoding))).collect();
        match &lists[..] {
            // Checked even without recipients.
            [] => Self::one(arguments, Encoding::MessagePack),
            [(_, Err(error)), rest @ ..] if rest.iter().all(|(_, list)| list.is_err()) => Err(error.clone()),
            _ => Ok(Self::Own(lists)),
        }
    }

    /// The list in one encoding. There is none for peers of a kind that connected only after it was written.
    pub(crate) fn list(&self, encoding: Encoding) -> Option<Result<&[u8], CodecError>> {
        let (_, list) = self.lists().iter().find(|(each, _)| *each == encoding)?;
        Some(list.as_deref().map_err(Clone::clone))
    }

    /// The list in one encoding, if there is one.
    pub(crate) fn get(&self, encoding: Encoding) -> Option<&[u8]> {
        self.list(encoding)?.ok()
    }

    /// How many bytes the longest of the lists has.
    pub(crate) fn longest(&self) -> usize {
        self.lists().iter().flat_map(|(_, list)| list.as_ref().map(Vec::len)).max().unwrap_or_default()
    }

    /// The list in whatever encoding there is.
    pub(crate) fn any(&self) -> Option<(Encoding, &[u8])> {
        self.lists().iter().find_map(|(encoding, list)| Some((*encoding, &**list.as_ref().ok()?)))
    }

    /// The same in another encoding: that of the server that it is passed on to.
    ///
    /// # Errors
    ///
    /// When a value has no form in it.
    pub(crate) fn translated(self, encoding: Encoding) -> Result<Self, CodecError> {
        if self.list(encoding).is_some() {
            return Ok(self);
        }
        let Some((before, list)) = self.any() else { return Ok(self) };
        let values: Vec<Value> = Payload::from_bytes(list, before).decode()?;
        Self::one(&RawArguments(values), encoding)
    }

    /// The same for a peer that wants it in this encoding.
    ///
    /// # Errors
    ///
    /// Why there is none in it.
    pub(crate) fn checked(self, encoding: Encoding) -> Result<Self, CodecError> {
        self.list(encoding).ok_or_else(|| CodecError("the peer connected later".into()))??;
        Ok(self)
    }
}

impl From<CodecError> for SendError {
    fn from(error: CodecError) -> Self {
        Self::Encode(error.0)
    }
}
