//! The periods for which ended jobs are kept.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
};

use mongodb::bson::{Bson, DateTime, Document, RawDocument, doc};

use super::{fields, status::Status};

pub(crate) const STATUSES: [(Status, &str); 3] =
    [(Status::Completed, "completedMs"), (Status::Failed, "failedMs"), (Status::Superseded, "supersededMs")];

/// Periods for which ended jobs are kept, in milliseconds. None for good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetentionRule {
    /// One type, or none for all that have no rule.
    pub job_type: Option<String>,
    /// After completion.
    pub completed_ms: Option<i64>,
    /// After a job has failed for good.
    pub failed_ms: Option<i64>,
    /// After a follower took over.
    pub superseded_ms: Option<i64>,
}

/// The rules by type, those of all others under none. A type with a rule keeps jobs of other statuses for good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Policy(BTreeMap<Option<String>, HashMap<&'static str, i64>>);

impl Policy {
    pub(crate) fn of(rules: &[RetentionRule]) -> Self {
        let mut policy = Self::default();
        for rule in rules {
            let periods = [rule.completed_ms, rule.failed_ms, rule.superseded_ms];
            let named = STATUSES.iter().zip(periods);
            let named = named.filter_map(|((_, name), period)| Some((*name, period?)));
            policy.0.insert(rule.job_type.clone(), named.collect());
        }
        policy.0.retain(|job_type, periods| job_type.is_some() || !periods.is_empty());
        policy
    }

    pub(crate) fn read(document: &Document) -> Self {
        let mut policy = Self::default();
        let periods = |from: &Document| {
            let period =
                |name| from.get(name).and_then(|ms: &Bson| ms.as_i64().or(ms.as_i32().map(i64::from)));
            STATUSES.iter().filter_map(|(_, name)| Some((*name, period(name)?))).collect()
        };
        policy.0.insert(None, periods(document));
        for rule in document.get_array("types").into_iter().flatten().filter_map(Bson::as_document) {
            if let Ok(job_type) = rule.get_str(fields::TYPE) {
                policy.0.insert(Some(job_type.to_owned()), periods(rule));
            }
        }
        policy
    }

    /// As other processes read it.
    pub(crate) fn document(&self) -> Document {
        let mut document = Document::new();
        let mut types = Vec::new();
        for (job_type, periods) in &self.0 {
            let periods = STATUSES
                .iter()
                .filter_map(|(_, name)| Some(((*name).to_owned(), (*periods.get(name)?).into())));
            match job_type {
                None => document.extend(periods),
                Some(job_type) => {
                    let mut rule = doc! { fields::TYPE: job_type };
                    rule.extend(periods);
                    types.push(rule);
                }
            }
        }
        document.insert("types", types);
        document
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.values().all(HashMap::is_empty)
    }

    pub(crate) fn period(&self, job_type: &str, name: &str) -> Option<i64> {
        self.0.get(&Some(job_type.to_owned())).or_else(|| self.0.get(&None))?.get(name).copied()
    }

    /// A key that no other policy shares: for the turns.
    pub(crate) fn key(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.document().to_string().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// The schedule that made a job, and the moment of its occurrence.
pub(crate) fn occurrence(job: &RawDocument) -> Option<(&str, DateTime)> {
    let schedule = job.get_document(fields::SCHEDULE).ok()?;
    Some((schedule.get_str(fields::ID_OF_SCHEDULE).ok()?, schedule.get_datetime(fields::OCCURRENCE_AT).ok()?))
}

/// True if a schedule that comes next at this moment would make the job of that occurrence again.
pub(crate) fn would_come_again(next: Option<&DateTime>, occurrence_at: DateTime) -> bool {
    next.is_some_and(|next| *next <= occurrence_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(job_type: Option<&str>, completed_ms: Option<i64>, failed_ms: Option<i64>) -> RetentionRule {
        RetentionRule {
            job_type: job_type.map(str::to_owned),
            completed_ms,
            failed_ms,
            ..RetentionRule::default()
        }
    }

    #[test]
    fn a_type_has_the_periods_of_its_own_rule_or_those_of_all_others() {
        let policy = Policy::of(&[
            rule(None, Some(1), Some(2)),
            rule(Some("t"), Some(3), None),
            rule(Some("u"), None, None),
        ]);
        for (job_type, completed, failed) in
            [("t", Some(3), None), ("u", None, None), ("any other", Some(1), Some(2))]
        {
            assert_eq!(policy.period(job_type, "completedMs"), completed, "{job_type}");
            assert_eq!(policy.period(job_type, "failedMs"), failed, "{job_type}");
        }
        assert!(!policy.is_empty());
        assert_eq!(Policy::read(&policy.document()), policy);
    }

    #[test]
    fn a_rule_without_periods_counts_only_if_it_is_of_a_type() {
        assert_eq!(Policy::of(&[rule(None, None, None)]), Policy::default());
        assert_ne!(Policy::of(&[rule(Some("t"), None, None)]), Policy::default());
        assert!(Policy::of(&[rule(Some("t"), None, None)]).is_empty());
    }
}
