//! Mistakes to plant, so that the model shows that it can fail.

use mongodb::bson::{Document, doc};

use super::state::Command;
use crate::{
    job::{fence, fields},
    store::write::Statement,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    SettlementWithoutFence,
    SettlementWithoutToken,
    RenewalWithoutToken,
    RecoveryWithoutRecheck,
    RecoveryOfWhateverIsExpiredNow,
    RecoveryThatNeverYields,
    ClaimOfAnyStatus,
    ClaimThatKeepsTheAttempts,
    /// In every try.
    ClaimUnderOneToken,
    /// In a later try, the lease counts from then, and not from the first one.
    HandOffDraftedAgain,
    DeadlineWithoutMargin,
    DeadlineFromTheReply,
    VerdictTakenForItsOwn,
    FailureThatIsAlwaysRetried,
    CancellationOfWhateverRuns,
    CancellationOfAnyStatus,
    VerdictThatIgnoresTheMark,
    RecoveryThatIgnoresTheMark,
    RenewalThatEndsAtTheMark,
    /// Without the unique index of this name.
    WithoutIndex(&'static str),
}

impl Bug {
    /// The statement with the mistake in it.
    pub(super) fn plant(self, command: &Command, statement: Statement) -> Statement {
        let without = |unwanted: &[&str]| {
            let mut filter: Document = statement.filter.clone();
            for field in unwanted {
                filter.remove(field);
            }
            Statement { filter, update: statement.update.clone(), multi: statement.multi }
        };
        match (self, command) {
            (Self::SettlementWithoutFence, Command::Settle { .. }) => {
                without(&[fields::CLAIM_TOKEN, fields::STATUS])
            }
            (Self::SettlementWithoutToken, Command::Settle { .. })
            | (Self::RenewalWithoutToken, Command::Renew { .. }) => without(&[fields::CLAIM_TOKEN]),
            (Self::RecoveryWithoutRecheck, Command::Recover(_)) => without(&[fields::CLAIMED_AT, "$expr"]),
            (Self::RecoveryOfWhateverIsExpiredNow, Command::Recover(_)) => {
                without(&[fields::CLAIM_TOKEN, fields::CLAIMED_AT])
            }
            (Self::ClaimOfAnyStatus, Command::Claim { .. })
            | (Self::CancellationOfAnyStatus, Command::Cancel { .. }) => without(&[fields::STATUS]),
            (Self::CancellationOfWhateverRuns, Command::Cancel { .. }) => {
                let ended = doc! { fields::STATUS: "failed", fields::ENDING: "cancelled" };
                Statement::one(statement.filter, vec![doc! { "$set": ended }])
            }
            (Self::VerdictThatIgnoresTheMark, Command::Settle { .. })
            | (Self::RecoveryThatIgnoresTheMark, Command::Recover(_)) => {
                without(&[fields::CANCEL_REQUESTED_AT])
            }
            (Self::RenewalThatEndsAtTheMark, Command::Renew { .. }) => {
                Statement { filter: fence::uncancelled(statement.filter), ..statement }
            }
            _ => statement,
        }
    }
}
