use super::{
    bug::Bug,
    explorer::{Explored, explore},
    protocol::{Protocol, Size},
    replay, sizes,
};

const MOST_STATES: usize = 20_000_000;

fn explored(size: Size, bug: Option<Bug>) -> (Protocol, Explored) {
    let protocol = Protocol::new(size, bug);
    let explored = explore(&protocol, MOST_STATES);
    (protocol, explored)
}

/// Explores, and has a real server confirm every statement that was run.
fn holds(size: Size) {
    let (protocol, explored) = explored(size, None);
    if let Some(flaw) = explored.flaw {
        panic!("{}, after\n{}", flaw.what, flaw.way.join("\n"));
    }
    println!("{} states", explored.states);
    assert!(explored.states > 10_000, "only {} states: most steps were impossible", explored.states);
    replay::assert_same(&protocol.server.into_effects());
}

#[test]
fn leases_hold_through_renewals_and_a_crash() {
    holds(sizes::renewals_and_a_crash());
}

#[test]
fn leases_and_verdicts_hold_when_a_reply_is_lost() {
    holds(sizes::a_lost_reply());
}

#[test]
fn a_key_holds_with_a_follower() {
    holds(sizes::a_follower());
}

#[test]
fn an_exclusive_key_holds() {
    holds(sizes::an_exclusive_key());
}

#[test]
fn leases_hold_for_a_job_that_is_made_as_claimed() {
    holds(sizes::a_hand_off());
}

#[test]
fn a_cancelled_job_is_never_completed_and_a_running_one_stays_its_holders() {
    holds(sizes::a_cancellation(0));
    holds(sizes::a_cancellation(1));
}

#[test]
fn more_holds_where_there_is_time_to_look() {
    if sizes::is_large() {
        holds(sizes::a_follower_of_a_renewed_job());
        holds(sizes::a_cancellation_and_a_lost_reply());
        holds(sizes::three_workers());
        holds(sizes::much_at_once());
    }
}

#[test]
fn every_planted_mistake_is_noticed() {
    let planted = [
        (Bug::SettlementWithoutFence, sizes::a_lost_reply(), "overwritten"),
        (Bug::SettlementWithoutToken, sizes::renewals_and_a_crash(), "stale holder"),
        (Bug::RenewalWithoutToken, sizes::renewals_and_a_crash(), "stale holder"),
        (Bug::RecoveryWithoutRecheck, sizes::renewals_and_a_crash(), "believed in"),
        (Bug::RecoveryOfWhateverIsExpiredNow, sizes::two_expiries(), "too many attempts"),
        (Bug::RecoveryThatNeverYields, sizes::a_follower(), "no way left"),
        (Bug::ClaimOfAnyStatus, sizes::renewals_and_a_crash(), "was claimed"),
        (Bug::ClaimThatKeepsTheAttempts, sizes::renewals_and_a_crash(), "did not count"),
        (Bug::ClaimUnderOneToken, sizes::a_lost_reply(), "too many attempts"),
        (Bug::HandOffDraftedAgain, sizes::a_hand_off(), "believe"),
        (Bug::DeadlineWithoutMargin, sizes::renewals_and_a_crash(), "believe"),
        (Bug::DeadlineFromTheReply, sizes::renewals_and_a_crash(), "believe"),
        (Bug::VerdictTakenForItsOwn, sizes::renewals_and_a_crash(), "told that it was"),
        (Bug::FailureThatIsAlwaysRetried, sizes::renewals_and_a_crash(), "too many attempts"),
        (Bug::CancellationOfWhateverRuns, sizes::a_cancellation(0), "away from its holder"),
        (Bug::CancellationOfAnyStatus, sizes::a_cancellation(0), "away from its holder"),
        (Bug::VerdictThatIgnoresTheMark, sizes::a_cancellation(0), "was to be cancelled"),
        (Bug::RecoveryThatIgnoresTheMark, sizes::a_cancellation(0), "was to be cancelled"),
        (Bug::RenewalThatEndsAtTheMark, sizes::a_cancellation(1), "renewal was refused"),
        (Bug::WithoutIndex("dedupe_pending_idx"), sizes::a_follower(), "two jobs of one key"),
        (Bug::WithoutIndex("dedupe_active_idx"), sizes::a_follower(), "two jobs of one key"),
        (Bug::WithoutIndex("dedupe_pending_active_idx"), sizes::an_exclusive_key(), "two jobs of one key"),
    ];
    let mut wrong = Vec::new();
    for (bug, size, expected) in planted {
        let (_, Explored { states, flaw }) = explored(size, Some(bug));
        let found = flaw.map_or_else(|| "nothing".to_owned(), |flaw| flaw.what);
        println!("{bug:?}: {found}, after {states} states");
        if !found.contains(expected) {
            wrong.push(format!("{bug:?}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
