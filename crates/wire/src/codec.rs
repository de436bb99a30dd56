//! The codec of the services: prost, with one reservation for a message instead of growing under it, and a reason on
//! what can't be decoded, or asks for what this server does not know.

use std::marker::PhantomData;

use bytes::{Buf, BufMut};
use prost::{DecodeError, Message};
use tonic::Status;
use tonic::codec::{self, DecodeBuf, EncodeBuf};

use annals_model::fault::{Fault, Reason};

use crate::fault::to_status;
use crate::request_shape::{self, Decodable};

/// What can be measured and written as a message: messages, and the [answers](crate::answer) that are not built as such.
pub trait Encodable: Send + 'static {
    /// Bytes of the message.
    fn length(&self) -> usize;

    /// Writes the message, into room for it.
    fn write(self, out: &mut impl BufMut);
}

impl<T: Message + 'static> Encodable for T {
    fn length(&self) -> usize {
        self.encoded_len()
    }

    fn write(self, out: &mut impl BufMut) {
        self.encode_raw(out);
    }
}

/// Encodes `T`, decodes `U`.
#[derive(Clone, Copy, Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> codec::Codec for Codec<T, U>
where
    T: Encodable,
    U: Decodable,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Encoder<T>;
    type Decoder = Decoder<U>;

    fn encoder(&mut self) -> Encoder<T> {
        Encoder(PhantomData)
    }

    fn decoder(&mut self) -> Decoder<U> {
        Decoder(PhantomData)
    }
}

/// Encodes messages, each into room that was reserved for it.
#[derive(Clone, Copy, Debug)]
pub struct Encoder<T>(PhantomData<T>);

impl<T: Encodable> codec::Encoder for Encoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.length());
        item.write(buffer);
        Ok(())
    }
}

/// Decodes messages; their bytes fields are slices of the buffer. A request with a field that is not in the contract is
/// refused.
#[derive(Clone, Copy, Debug)]
pub struct Decoder<U>(PhantomData<U>);

impl<U: Decodable> codec::Decoder for Decoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        if buffer.chunk().len() == buffer.remaining() {
            request_shape::check::<U>(buffer.chunk()).map_err(|fault| to_status(&fault))?;
            return decoded(U::decode(buffer));
        }
        let whole = buffer.copy_to_bytes(buffer.remaining());
        request_shape::check::<U>(&whole).map_err(|fault| to_status(&fault))?;
        decoded(U::decode(whole))
    }
}

fn decoded<U>(message: Result<U, DecodeError>) -> Result<Option<U>, Status> {
    message.map(Some).map_err(|error| {
        to_status(&Fault::new(Reason::MalformedRequest, format!("the message can't be decoded: {error}")))
    })
}
