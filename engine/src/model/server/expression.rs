//! Aggregation expressions, as far as the engine uses them. Anything else is a panic: a model that passed over unknown
//! expressions would prove nothing.

use std::cmp::Ordering;

use mongodb::bson::{Bson, DateTime, Document};

/// A document, and the time on the server's clock.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) document: &'a Document,
    pub(super) now: DateTime,
    /// The element that a `$filter` looks at.
    pub(super) this: Option<&'a Bson>,
}

impl<'a> Scope<'a> {
    pub(super) fn of(document: &'a Document, tick: u8) -> Self {
        Self { document, now: super::moment(tick), this: None }
    }

    /// The value of an expression; none if it is missing.
    pub(super) fn value(self, expression: &Bson) -> Option<Bson> {
        match expression {
            Bson::String(word) => self.word(word),
            Bson::Document(document) => match document.iter().next() {
                Some((operator, operand)) if operator.starts_with('$') => self.operation(operator, operand),
                _ => Some(Bson::Document(
                    document
                        .iter()
                        .filter_map(|(field, value)| Some((field.clone(), self.value(value)?)))
                        .collect(),
                )),
            },
            Bson::Array(elements) => {
                let values = elements.iter().map(|element| self.value(element).unwrap_or(Bson::Null));
                Some(Bson::Array(values.collect()))
            }
            other => Some(other.clone()),
        }
    }

    fn word(self, word: &str) -> Option<Bson> {
        match word {
            "$$NOW" => Some(self.now.into()),
            "$$REMOVE" => None,
            "$$this" => self.this.cloned(),
            _ => match word.strip_prefix('$') {
                None => Some(word.into()),
                Some(path) => at(self.document, path),
            },
        }
    }

    fn operation(self, operator: &str, operand: &Bson) -> Option<Bson> {
        let holds = |expression: &Bson| is_true(self.value(expression).as_ref());
        Some(match (operator, operand) {
            ("$literal", literal) => literal.clone(),
            ("$and", Bson::Array(all)) => all.iter().all(holds).into(),
            ("$or", Bson::Array(any)) => any.iter().any(holds).into(),
            ("$eq", _) => (self.compared(operand) == Ordering::Equal).into(),
            ("$ne", _) => (self.compared(operand) != Ordering::Equal).into(),
            ("$gt", _) => (self.compared(operand) == Ordering::Greater).into(),
            ("$lte", _) => (self.compared(operand) != Ordering::Greater).into(),
            ("$cond", Bson::Array(parts)) => {
                return self.value(&parts[if holds(&parts[0]) { 1 } else { 2 }]);
            }
            ("$isNumber", _) => self.value(operand).as_ref().and_then(number).is_some().into(),
            ("$type", _) => type_name(self.value(operand).as_ref()).into(),
            ("$convert", Bson::Document(options)) => {
                let otherwise = options.get("onNull").cloned();
                return self.value(options.get("input")?).as_ref().and_then(number).map(whole).or(otherwise);
            }
            ("$isArray", _) => matches!(self.only(operand), Some(Bson::Array(_))).into(),
            ("$concatArrays", Bson::Array(parts)) => {
                let arrays = parts.iter().map(|part| array(self.value(part)));
                Bson::Array(arrays.flatten().collect())
            }
            ("$slice", _) => {
                let [all, most] = self.pair(operand);
                let most = most.as_ref().and_then(number).expect("a number") as usize;
                Bson::Array(array(all).into_iter().take(most).collect())
            }
            ("$filter", Bson::Document(options)) => {
                let each = array(self.value(options.get("input")?)).into_iter();
                let condition = options.get("cond")?;
                let is_kept =
                    |this: &Bson| is_true(Scope { this: Some(this), ..self }.value(condition).as_ref());
                Bson::Array(each.filter(is_kept).collect())
            }
            ("$add", _) => self.reduced(operand, |one, other| one + other),
            ("$subtract", _) => self.reduced(operand, |one, other| one - other),
            ("$max", _) => self.reduced(operand, i64::max),
            _ => panic!("an expression that the model doesn't know: {operator}: {operand}"),
        })
    }

    fn compared(self, operands: &Bson) -> Ordering {
        let [one, other] = self.pair(operands);
        compare(one.as_ref(), other.as_ref())
    }

    /// The result is a number for numbers, and a date if one of them is a date.
    fn reduced(self, operands: &Bson, reduce: impl Fn(i64, i64) -> i64) -> Bson {
        let [one, other] = self.pair(operands).map(|operand| operand.expect("an operand of arithmetic"));
        let is_date = matches!(one, Bson::DateTime(_)) != matches!(other, Bson::DateTime(_));
        let [one, other] = [one, other]
            .map(|operand| number(&operand).or_else(|| millis(&operand)).expect("a number or a date"));
        let result = reduce(one, other);
        if is_date { Bson::DateTime(DateTime::from_millis(result)) } else { whole(result) }
    }

    /// The one operand of an operator that may have it in an array.
    fn only(self, operand: &Bson) -> Option<Bson> {
        match operand.as_array().map(Vec::as_slice) {
            Some([only]) => self.value(only),
            _ => panic!("one operand, not {operand}"),
        }
    }

    fn pair(self, operands: &Bson) -> [Option<Bson>; 2] {
        match operands.as_array().map(Vec::as_slice) {
            Some([one, other]) => [self.value(one), self.value(other)],
            _ => panic!("two operands, not {operands}"),
        }
    }
}

fn at(document: &Document, path: &str) -> Option<Bson> {
    match path.split_once('.') {
        None => document.get(path).cloned(),
        Some((field, rest)) => at(document.get_document(field).ok()?, rest),
    }
}

fn array(value: Option<Bson>) -> Vec<Bson> {
    match value {
        Some(Bson::Array(elements)) => elements,
        other => panic!("no array: {other:?}"),
    }
}

pub(super) fn is_true(value: Option<&Bson>) -> bool {
    match value {
        Some(Bson::Boolean(value)) => *value,
        other => panic!("a condition that is none: {other:?}"),
    }
}

/// The order of values of all types.
fn compare(one: Option<&Bson>, other: Option<&Bson>) -> Ordering {
    let by_type = rank(one).cmp(&rank(other));
    by_type.then_with(|| match (one, other) {
        (Some(Bson::String(one)), Some(Bson::String(other))) => one.cmp(other),
        (Some(one), Some(other)) => {
            number(one).or_else(|| millis(one)).cmp(&number(other).or_else(|| millis(other)))
        }
        _ => Ordering::Equal,
    })
}

fn rank(value: Option<&Bson>) -> u8 {
    match value {
        None => 0,
        Some(Bson::Null) => 1,
        Some(Bson::Int32(_) | Bson::Int64(_)) => 2,
        Some(Bson::String(_)) => 3,
        Some(Bson::DateTime(_)) => 4,
        Some(other) => panic!("a value that the model does not compare: {other}"),
    }
}

fn type_name(value: Option<&Bson>) -> &'static str {
    ["missing", "null", "number", "string", "date"][usize::from(rank(value))]
}

fn number(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(value) => Some(i64::from(*value)),
        Bson::Int64(value) => Some(*value),
        _ => None,
    }
}

fn millis(value: &Bson) -> Option<i64> {
    value.as_datetime().map(|date| date.timestamp_millis())
}

fn whole(value: i64) -> Bson {
    i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32)
}
