//! Messages between a driver and the server.

use mongodb::bson::RawDocument;
use tokio::{io::AsyncReadExt, net::tcp::OwnedReadHalf};

/// Length, request id, the id it answers, and the kind of message; four bytes each.
const HEADER: usize = 16;
/// Flags, and the kind of the first section.
pub(super) const BEFORE_BODY: usize = HEADER + 5;

pub(super) fn first_document(bytes: &[u8]) -> Option<&RawDocument> {
    let length = i32::from_le_bytes(*bytes.first_chunk::<4>()?);
    RawDocument::from_bytes(bytes.get(..usize::try_from(length).ok()?)?).ok()
}

/// A command's name is its first field.
pub(super) fn name(body: &RawDocument) -> Option<&str> {
    let (name, _) = body.iter().next()?.ok()?;
    Some(name.as_str())
}

pub(super) async fn read(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut message = vec![0; HEADER];
    from.read_exact(&mut message).await.ok()?;
    let length = usize::try_from(i32::from_le_bytes(word(&message, 0))).ok()?;
    message.resize(length, 0);
    from.read_exact(&mut message[HEADER..]).await.ok()?;
    Some(message)
}

pub(super) fn word(message: &[u8], place: usize) -> [u8; 4] {
    let at = place * 4;
    message.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).expect("a header")
}
