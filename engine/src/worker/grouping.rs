//! Items grouped by their owner: owners are few, nearly always one.

use std::sync::Arc;

/// Values by their owners, in the order in which both first came.
pub(crate) struct Grouped<O: ?Sized, V>(Vec<(Arc<O>, Vec<V>)>);

impl<O: ?Sized, V> Grouped<O, V> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, owner: &Arc<O>, value: V) {
        match self.0.iter_mut().rev().find(|(known, _)| Arc::ptr_eq(known, owner)) {
            Some((_, values)) => values.push(value),
            None => self.0.push((owner.clone(), vec![value])),
        }
    }
}

impl<O: ?Sized, V> IntoIterator for Grouped<O, V> {
    type Item = (Arc<O>, Vec<V>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_owners_are_told_apart() {
        let (one, other) = (Arc::new("same"), Arc::new("same"));
        let mut grouped = Grouped::new();
        for (owner, value) in [(&one, 1), (&other, 2), (&one, 3)] {
            grouped.add(owner, value);
        }
        let values: Vec<Vec<i32>> = grouped.into_iter().map(|(_, values)| values).collect();
        assert_eq!(values, [vec![1, 3], vec![2]]);
    }
}
