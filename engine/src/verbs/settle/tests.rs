use std::time::Duration;

use mongodb::bson::{DateTime, Document, RawDocumentBuf, doc, rawdoc};

use super::{
    carry_out::group,
    prepared::{MOST_REASON_BYTES, PreparedVerdict, VerdictRequest, clip, judge},
    writing::{Change, writing},
};
use crate::job::{
    document::{DedupeKey, Header},
    fence,
    log::LogBounds,
    retry::{BackoffKind, BackoffPolicy},
    status::{DedupeScope, Status},
    transition::Transition,
    verdict::{Details, Settled, Verdict},
};

fn header(id: &str, token: Option<&str>) -> Header {
    Header {
        id: id.into(),
        job_type: "t".to_owned(),
        token: token.map(str::to_owned),
        attempt: 1,
        max_attempts: 3,
        dedupe: None,
        backoff: BackoffPolicy { kind: BackoffKind::Fixed, delay_ms: 0, max_delay_ms: Some(0) },
        cancellation: None,
        is_expired: false,
    }
}

fn prepared(header: Header, verdict: Verdict) -> PreparedVerdict {
    PreparedVerdict::new(VerdictRequest {
        header: header.into(),
        verdict,
        reason: None,
        is_only_settler: false,
        log: None,
        details: Details::default(),
    })
}

fn with_key(mut header: Header, scope: DedupeScope) -> Header {
    header.dedupe = Some(DedupeKey { key: "k".to_owned(), scope });
    header
}

/// The results of a verdict if this is found: without an earlier try, and with one.
fn judged(verdict: Verdict, found: &RawDocumentBuf) -> [Settled; 2] {
    let job = prepared(header("a", Some("mine")), verdict);
    [judge(&job, Some(found), false), judge(&job, Some(found), true)]
}

#[test]
fn a_job_that_is_gone_is_not_found() {
    let job = prepared(header("a", Some("mine")), Verdict::Complete);
    assert_eq!(judge(&job, None, true), Settled::NotFound);
}

#[test]
fn a_write_of_an_earlier_try_is_ones_own_only_if_there_was_one() {
    let completed = rawdoc! { "_id": "a", "status": "completed", "claimToken": "mine" };
    let ended = Settled::AlreadyTerminal(Status::Completed);
    assert_eq!(judged(Verdict::Complete, &completed), [ended, Settled::Completed]);
    let released = rawdoc! { "_id": "a", "status": "pending", "settledTokens": ["mine"] };
    assert_eq!(judged(Verdict::Release, &released), [Settled::LeaseLost, Settled::Released]);
}

#[test]
fn a_release_with_its_reply_lost_stays_ones_own_whatever_became_of_the_job() {
    for status in ["pending", "active", "completed", "failed"] {
        let found = rawdoc! { "_id": "a", "status": status, "settledTokens": ["another's", "mine"], "claimToken": "another's" };
        assert_eq!(judged(Verdict::Release, &found)[1], Settled::Released, "{status}");
    }
}

#[test]
fn an_end_that_is_not_ones_own_is_anothers() {
    let failed = rawdoc! { "_id": "a", "status": "failed", "claimToken": "mine" };
    assert_eq!(judged(Verdict::Complete, &failed), [Settled::AlreadyTerminal(Status::Failed); 2]);
    let taken = rawdoc! { "_id": "a", "status": "completed", "claimToken": "another's" };
    assert_eq!(judged(Verdict::Complete, &taken), [Settled::AlreadyTerminal(Status::Completed); 2]);
    let active = rawdoc! { "_id": "a", "status": "active", "claimToken": "mine" };
    assert_eq!(judged(Verdict::Release, &active), [Settled::LeaseLost; 2]);
}

#[test]
fn odd_states_belong_to_no_claim() {
    for found in [
        rawdoc! { "_id": "a" },
        rawdoc! { "_id": "a", "status": 7, "claimToken": 7, "settledTokens": null },
        rawdoc! { "_id": "a", "status": "unheard of", "claimToken": "mine" },
    ] {
        assert_eq!(judged(Verdict::Complete, &found), [Settled::LeaseLost; 2]);
    }
}

#[test]
fn without_a_token_each_settlement_has_a_proof_of_its_own() {
    let (one, other) =
        (prepared(header("a", None), Verdict::Complete), prepared(header("a", None), Verdict::Complete));
    assert_ne!(one.proof, other.proof);
    let found = rawdoc! { "_id": "a", "status": "completed", "settledTokens": [one.proof.as_str()] };
    assert_eq!(judge(&one, Some(&found), true), Settled::Completed);
    assert_eq!(judge(&other, Some(&found), true), Settled::AlreadyTerminal(Status::Completed));
}

#[test]
fn only_completions_that_write_the_same_under_the_same_token_travel_in_one_statement() {
    let jobs = [
        prepared(header("0", Some("x")), Verdict::Complete),
        prepared(header("1", Some("x")), Verdict::Fail),
        prepared(header("2", Some("x")), Verdict::Complete),
        prepared(header("3", Some("y")), Verdict::Complete),
        prepared(header("4", None), Verdict::Complete),
        prepared(header("5", None), Verdict::Complete),
        prepared(with_key(header("6", Some("x")), DedupeScope::Pending), Verdict::Complete),
        prepared(with_key(header("7", Some("x")), DedupeScope::PendingAndActive), Verdict::Complete),
        prepared(header("8", Some("x")), Verdict::Release),
        prepared(header("9", Some("x")), Verdict::Complete),
    ];
    let open = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    let members: Vec<Vec<usize>> = group(&jobs, &open).into_iter().map(|group| group.members).collect();
    let expected: [&[usize]; 7] = [&[0, 2, 7], &[1], &[3], &[4], &[5], &[6], &[8]];
    assert_eq!(members, expected);
}

#[test]
fn several_jobs_need_a_statement_for_many() {
    let jobs = [
        prepared(header("a", Some("x")), Verdict::Complete),
        prepared(header("b", Some("x")), Verdict::Complete),
    ];
    let statement = group(&jobs, &[0, 1]).remove(0).statement(&jobs);
    assert!(statement.multi);
    let held = fence::all_held(vec!["a".into(), "b".into()], "x");
    assert_eq!(statement.filter, fence::uncancelled(held));
    let alone = group(&jobs, &[1]).remove(0).statement(&jobs);
    assert!(!alone.multi);
    assert_eq!(alone.filter, fence::uncancelled(fence::held(&"b".into(), "x")));
}

#[test]
fn a_reason_is_cut_between_characters() {
    assert_eq!(clip("short"), "short");
    let long = "\u{20ac}".repeat(MOST_REASON_BYTES);
    assert!(clip(&long).len() <= MOST_REASON_BYTES && clip(&long).len() > MOST_REASON_BYTES - 3);
}

/// The fields that a change sets.
fn set_by(change: Change<'_>) -> Document {
    writing(change)[0].get_document("$set").expect("a stage that sets fields").clone()
}

#[test]
fn a_released_job_keeps_its_time_unless_it_is_deferred() {
    let header = header("a", Some("mine"));
    let released = |delay| set_by(Change { delay, ..Change::of(Transition::Release, &header) });
    assert!(!released(Duration::ZERO).contains_key("runAt"));
    let deferred = released(Duration::from_secs(2));
    assert_eq!(deferred.get("runAt"), Some(&doc! { "$add": ["$$NOW", 2_000_i64] }.into()));
}

#[test]
fn a_failed_attempt_is_noted_and_no_other() {
    use Transition::{Cancel, Complete, Expire, Fail, Recover, Release, Retry, Supersede};
    let header = header("a", Some("mine"));
    for (transition, is_noted) in [
        (Retry, true),
        (Fail, true),
        (Recover, true),
        (Supersede, true),
        (Complete, false),
        (Release, false),
        (Cancel, false),
        (Expire, false),
    ] {
        let change = Change { reason: Some("it broke"), ..Change::of(transition, &header) };
        let noting = Change { notes: Some(LogBounds::default()), ..change };
        assert_eq!(set_by(noting).contains_key("errors"), is_noted, "{transition:?}");
        assert!(!set_by(change).contains_key("errors"), "{transition:?}");
    }
}

#[test]
fn an_end_has_the_reason_that_was_given_or_the_one_of_its_kind() {
    use Transition::{Cancel, Complete, Expire, Fail, Recover};
    let header = header("a", Some("mine"));
    for (transition, given, expected) in [
        (Fail, Some("it broke"), Some("it broke")),
        (Cancel, Some("no need"), Some("no need")),
        (Cancel, None, Some("cancelled")),
        (Expire, None, Some("it was not started in time")),
        (Recover, Some("its worker died"), None),
        (Complete, None, None),
    ] {
        let set = set_by(Change { reason: given, ..Change::of(transition, &header) });
        let reason = set.get_document("failReason").ok().map(|reason| reason.get_str("$literal").ok());
        assert_eq!(reason.flatten(), expected, "{transition:?} {given:?}");
    }
}

#[test]
fn a_verdict_yields_to_the_cancellation_of_its_own_claim_only() {
    let marked = |status: &str, token: &str| {
        rawdoc! { "_id": "a", "status": status, "claimToken": token, "cancelRequestedAt": DateTime::now() }
    };
    let unmarked = rawdoc! { "_id": "a", "status": "active", "claimToken": "mine" };
    for (found, expected) in [
        (marked("active", "mine"), true),
        (marked("active", "another's"), false),
        (marked("pending", "mine"), false),
        (unmarked, false),
    ] {
        let mut job = prepared(header("a", Some("mine")), Verdict::Complete);
        assert_eq!(job.cancelled_instead(&found), expected, "{found:?}");
    }
    let mut by_hand = PreparedVerdict::new(VerdictRequest::completion(header("a", Some("mine")), None));
    assert!(!by_hand.cancelled_instead(&marked("active", "mine")), "a completion by hand stands");
}
