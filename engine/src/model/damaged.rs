//! Bytes that are no document any more, as a broken disk or a hostile server may return them. Each reader reports
//! them, or takes odd values for absent, and never panics.

use mongodb::bson::{Bson, DateTime, RawDocumentBuf, doc};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::rounds::{again, seeds};
use crate::{
    job::{
        document::{self, ClaimedJob, Header},
        keys,
        verdict::{Details, Verdict},
    },
    verbs::{
        recover::Expired,
        settle::prepared::{PreparedVerdict, VerdictRequest, judge},
    },
};

const ROUNDS: u64 = 30_000;

fn sound() -> Vec<u8> {
    let job = doc! {
        "_id": "job", "type": "t", "data": { "deep": [1, { "er": 2 }] }, "status": "active", "priority": 0,
        "attempt": 1, "maxAttempts": 3_i64, "dedupeKey": "k", "dedupeScope": "pending", "backoff": "fixed",
        "backoffDelay": 1.5, "backoffMaxDelay": Bson::Null, "runAt": DateTime::now(), "claimToken": "token",
        "claimedAt": DateTime::now(), "settledTokens": ["token", "another"], "lease": { "ms": 5, "token": "token" },
    };
    mongodb::bson::serialize_to_vec(&job).expect("it can be encoded")
}

/// Some of its bytes changed, removed or doubled; mostly with a length that still fits, or nothing would get past the first look.
fn damaged(random: &mut StdRng) -> Vec<u8> {
    let mut bytes = sound();
    for _ in 0..random.random_range(1..6) {
        if bytes.len() < 8 {
            break;
        }
        let place = random.random_range(4..bytes.len());
        match random.random_range(0..6) {
            0 => bytes.truncate(place.max(5)),
            1 => _ = bytes.remove(place),
            2 => bytes.insert(place, random.random()),
            _ => bytes[place] = random.random(),
        }
    }
    if random.random_range(0..10) > 0 {
        let length = i32::try_from(bytes.len()).expect("a short document").to_le_bytes();
        bytes[..4].copy_from_slice(&length);
        *bytes.last_mut().expect("a byte") = 0;
    }
    bytes
}

fn read(document: RawDocumentBuf) -> bool {
    _ = document::attempts(&document);
    _ = document::date(&document, "runAt");
    _ = keys::single_flight_key(&document);
    _ = keys::is_single_flight(&document);
    if let Ok(header) = Header::read(&document) {
        _ = Expired::new(&document, header.clone(), false);
        for verdict in [Verdict::Complete, Verdict::Fail, Verdict::Release, Verdict::Cancel] {
            let settlement = VerdictRequest {
                header: header.clone().into(),
                verdict,
                reason: None,
                is_only_settler: true,
                log: None,
                details: Details::default(),
            };
            let planned = PreparedVerdict::new(settlement);
            _ = planned.statement();
            _ = judge(&planned, Some(&document), true);
        }
    }
    ClaimedJob::read(document).map(|job| job.id()).is_ok()
}

#[test]
fn damaged_documents_are_refused_or_read_and_never_panic() {
    let (mut readable, mut refused) = (0, 0);
    for seed in seeds(ROUNDS) {
        let bytes = damaged(&mut StdRng::seed_from_u64(seed));
        let is_read = std::panic::catch_unwind(|| RawDocumentBuf::from_bytes(bytes).is_ok_and(read));
        match is_read {
            Ok(true) => readable += 1,
            Ok(false) => refused += 1,
            Err(fault) => panic!("{}: {fault:?}", again(seed)),
        }
    }
    assert!(readable > ROUNDS / 20 && refused > ROUNDS / 20, "{readable} were read and {refused} refused");
}
