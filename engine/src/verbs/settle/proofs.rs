//! Proofs by which the writer of a settlement whose reply was lost sees that it was written, even if others
//! have had the job since.

use mongodb::bson::{Document, RawBsonRef, RawDocument, doc};

use crate::job::{fields, status::Status};

/// The proofs that the document has; people and other versions may have left anything in their place.
fn kept() -> Document {
    let field = fields::value_of(fields::SETTLED_TOKENS);
    doc! { "$cond": [{ "$isArray": [&field] }, &field, []] }
}

/// The proofs of the document, and this one before them.
pub(crate) fn with(proof: &str) -> Document {
    let all = doc! { "$concatArrays": [[{ "$literal": proof }], kept()] };
    doc! { "$slice": [all, fields::MOST_SETTLED_TOKENS] }
}

/// The proofs of a document that has ended, with this one and that of its end before them: its claim token will go.
pub(crate) fn with_end(proof: &str) -> Document {
    let token = fields::value_of(fields::CLAIM_TOKEN);
    let end = doc! { "$cond": [
        { "$eq": [{ "$type": &token }, "string"] },
        [{ "$concat": [&token, ":", fields::value_of(fields::STATUS)] }],
        [],
    ] };
    let all = doc! { "$concatArrays": [[{ "$literal": proof }], end, kept()] };
    doc! { "$slice": [all, fields::MOST_SETTLED_TOKENS] }
}

/// True if the document shows that the claim of this token has ended so, and was begun again since.
pub(crate) fn include_end(document: &RawDocument, token: &str, end: Status) -> bool {
    include(document, &format!("{token}:{}", end.as_str()))
}

/// The proofs of the document except its present holder's. A lease that is taken away must never look as if its holder
/// had given it back.
pub(super) fn without_holder() -> Document {
    let is_another = doc! { "$ne": ["$$this", fields::value_of(fields::CLAIM_TOKEN)] };
    doc! { "$filter": { "input": kept(), "cond": is_another } }
}

/// True if the document shows this proof.
pub(crate) fn include(document: &RawDocument, proof: &str) -> bool {
    document.get_array(fields::SETTLED_TOKENS).is_ok_and(|proofs| {
        proofs.into_iter().any(|found| matches!(found, Ok(RawBsonRef::String(found)) if found == proof))
    })
}
