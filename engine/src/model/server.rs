//! A server in memory that runs the engine's own statements on the engine's own documents.
//!
//! Documents and effects are remembered by number: a model meets the same few thousand of them millions of times.

mod expression;
mod statement;

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    hash::Hash,
    rc::Rc,
};

use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf};

use self::expression::Scope;
use crate::{
    job::{document::attempts, fields, status::Status},
    store::{indexes, write::Statement},
};

/// A document, by number.
pub(super) type DocId = u16;

/// A tick of the model's clock: long, so that a real server can be asked the same.
pub(super) const TICK_MS: i64 = 600_000;
const BEGINNING_MS: i64 = 1_800_000_000_000;

pub(super) fn moment(tick: u8) -> DateTime {
    DateTime::from_millis(BEGINNING_MS + i64::from(tick) * TICK_MS)
}

/// A document, and the facts about it that the model needs.
pub(super) struct Stored {
    pub(super) document: Document,
    pub(super) raw: RawDocumentBuf,
    pub(super) status: Status,
    pub(super) token: Option<String>,
    pub(super) attempt: i32,
    pub(super) max_attempts: i32,
    /// The unique indexes in which it stands, and its places there.
    places: Vec<(usize, Bson)>,
}

/// One statement on one document, and its result: none if it did not match.
pub(super) struct Effect {
    pub(super) before: Document,
    pub(super) filter: Document,
    pub(super) update: Bson,
    pub(super) tick: u8,
    pub(super) after: Option<Document>,
}

/// The effect of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reply {
    Matched,
    Missed,
    KeyHeld,
}

/// `C` names a statement.
pub(super) struct Server<C> {
    unique: Vec<Document>,
    stored: RefCell<Vec<Rc<Stored>>>,
    numbers: RefCell<HashMap<String, DocId>>,
    effects: RefCell<HashMap<(DocId, C, u8), Option<DocId>>>,
    looks: RefCell<HashMap<(DocId, Look, u8), bool>>,
    seen: RefCell<Vec<Effect>>,
}

/// A filter, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Look {
    Expired,
    /// A bit for each token.
    TakenUnder(u8),
}

impl<C: Eq + Hash + Clone> Server<C> {
    /// With the engine's unique indexes, but for one of them.
    pub(super) fn new(without: Option<&str>) -> Self {
        let unique = indexes::unique_filters();
        let all = unique.len();
        let unique: Vec<Document> =
            unique.into_iter().filter(|(name, _)| Some(*name) != without).map(|(_, filter)| filter).collect();
        assert!(without.is_none() || unique.len() < all, "there is no such index");
        Self {
            unique,
            stored: RefCell::default(),
            numbers: RefCell::default(),
            effects: RefCell::default(),
            looks: RefCell::default(),
            seen: RefCell::default(),
        }
    }

    pub(super) fn get(&self, id: DocId) -> Rc<Stored> {
        self.stored.borrow()[usize::from(id)].clone()
    }

    /// Every statement that was run, each once.
    pub(super) fn into_effects(self) -> Vec<Effect> {
        self.seen.into_inner()
    }

    /// True if a document matches a filter.
    pub(super) fn matches(
        &self,
        id: DocId,
        (look, tick): (Look, u8),
        filter: impl FnOnce() -> Document,
    ) -> bool {
        *self
            .looks
            .borrow_mut()
            .entry((id, look, tick))
            .or_insert_with(|| statement::matches(&filter(), Scope::of(&self.get(id).document, tick)))
    }

    /// A new document among these, unless a unique index refuses it.
    pub(super) fn insert(&self, beside: &[DocId], document: Document, tick: u8) -> Option<DocId> {
        let id = self.number(document, tick);
        (!self.is_refused(id, beside)).then_some(id)
    }

    /// Runs a statement on one of the documents; the others are beside it.
    pub(super) fn update(
        &self,
        target: &mut DocId,
        beside: &[DocId],
        (command, tick): (&C, u8),
        statement: impl FnOnce() -> Statement,
    ) -> Reply {
        let Some(after) = self.effect(*target, (command, tick), statement) else { return Reply::Missed };
        if self.is_refused(after, beside) {
            return Reply::KeyHeld;
        }
        *target = after;
        Reply::Matched
    }

    fn effect(
        &self,
        id: DocId,
        (command, tick): (&C, u8),
        statement: impl FnOnce() -> Statement,
    ) -> Option<DocId> {
        let key = (id, command.clone(), tick);
        if let Some(known) = self.effects.borrow().get(&key) {
            return *known;
        }
        let before = self.get(id);
        let scope = Scope::of(&before.document, tick);
        let Statement { filter, update, .. } = statement();
        let after = statement::matches(&filter, scope).then(|| statement::updated(&update, scope));
        let effect = Effect { before: before.document.clone(), filter, update, tick, after: after.clone() };
        self.seen.borrow_mut().push(effect);
        let after = after.map(|after| self.number(after, tick));
        self.effects.borrow_mut().insert(key, after);
        after
    }

    fn is_refused(&self, id: DocId, beside: &[DocId]) -> bool {
        let places = &self.get(id).places;
        beside.iter().any(|other| self.get(*other).places.iter().any(|place| places.contains(place)))
    }

    /// The number of a document, without the fields that no statement of the engine ever reads.
    fn number(&self, mut document: Document, tick: u8) -> DocId {
        for idle in
            [fields::COMPLETED_AT, fields::FAILED_AT, fields::KEY_FREED, fields::FAIL_REASON, fields::LOGS]
        {
            document.remove(idle);
        }
        let status = document.get_str(fields::STATUS).ok().and_then(Status::parse).expect("a status");
        let is_due = document.get_datetime(fields::RUN_AT).is_ok_and(|run_at| *run_at <= moment(tick));
        if is_due {
            // Once due, always due.
            document.insert(fields::RUN_AT, moment(0));
        }
        let sorted: BTreeMap<&String, &Bson> = document.iter().collect();
        let name = format!("{sorted:?}");
        if let Some(known) = self.numbers.borrow().get(&name) {
            return *known;
        }
        let scope = Scope::of(&document, tick);
        let place = || [fields::DEDUPE_KEY, fields::DEDUPE_SCOPE].map(|field| document.get(field).cloned());
        let stands = |filter: &&Document| statement::matches(filter, scope);
        let places = self.unique.iter().enumerate().filter(|(_, filter)| stands(filter));
        let places = places.map(|(index, _)| (index, Bson::Array(place().into_iter().flatten().collect())));
        let places = places.collect();
        let raw = RawDocumentBuf::try_from(&document).expect("it can be encoded");
        let (attempt, max_attempts) = attempts(&raw);
        let token = document.get_str(fields::CLAIM_TOKEN).ok().map(str::to_owned);
        let mut stored = self.stored.borrow_mut();
        let id = DocId::try_from(stored.len()).expect("few documents");
        stored.push(Rc::new(Stored { document, raw, status, token, attempt, max_attempts, places }));
        self.numbers.borrow_mut().insert(name, id);
        id
    }
}
