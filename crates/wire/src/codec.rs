//! The codec of the services: prost, with one reservation for a message instead of growing under it, and a reason on
//! what can't be decoded.

use std::marker::PhantomData;

use bytes::BufMut;
use prost::Message;
use tonic::Status;
use tonic::codec::{self, DecodeBuf, EncodeBuf};

use crate::fault::to_status;
use annals_model::fault::{Fault, Reason};

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
    U: Message + Default + Send + 'static,
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

/// Decodes messages; their bytes fields are slices of the buffer.
#[derive(Clone, Copy, Debug)]
pub struct Decoder<U>(PhantomData<U>);

impl<U: Message + Default> codec::Decoder for Decoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        U::decode(buffer).map(Some).map_err(|error| {
            to_status(&Fault::new(Reason::MalformedRequest, format!("the message can't be decoded: {error}")))
        })
    }
}
