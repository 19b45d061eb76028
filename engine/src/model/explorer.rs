//! Every state that a model can get into, breadth first, so that the way to a flaw is the shortest there is.
//!
//! Written here, as no library knows the property "can always still end". A crate that only tests need would also
//! bring a dozen more into the lock file of the product.

use std::{collections::HashSet, fmt::Debug, hash::Hash, rc::Rc};

pub(super) trait Model {
    type State: Eq + Hash;
    type Step: Debug;

    fn beginning(&self) -> Self::State;

    /// Hands each step that is possible in a state to `take`, and the state after it, or the fault of the step.
    fn steps(&self, state: &Self::State, take: &mut dyn FnMut(Self::Step, Result<Self::State, String>));

    /// The fault of a state, if it has one.
    fn flaw(&self, state: &Self::State) -> Option<String>;
}

/// The result of an exploration.
pub(super) struct Explored {
    /// Different states.
    pub(super) states: usize,
    pub(super) flaw: Option<Flaw>,
}

/// A promise that was broken, and how.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) what: String,
    /// The steps that led there, first to last.
    pub(super) way: Vec<String>,
}

/// Visits every state, or stops at the first flaw.
///
/// # Panics
/// There are more than `most` states: a larger model than was meant to be explored would be cut off unnoticed.
pub(super) fn explore<M: Model>(model: &M, most: usize) -> Explored {
    let mut visited = Visited { states: Vec::new(), known: HashSet::new(), parents: Vec::new() };
    visited.add(model.beginning(), 0);
    let mut next = 0;
    while next < visited.states.len() {
        assert!(visited.states.len() <= most, "more than {most} states");
        let state = visited.states[next].clone();
        if let Some(what) = model.flaw(&state) {
            return visited.flawed(model, next, what);
        }
        let mut broken = None;
        model.steps(&state, &mut |step, after| match after {
            Ok(after) => visited.add(after, next),
            Err(what) => _ = broken.get_or_insert((format!("{step:?}"), what)),
        });
        if let Some((step, what)) = broken {
            let mut explored = visited.flawed(model, next, what);
            explored.flaw.iter_mut().for_each(|flaw| flaw.way.push(step.clone()));
            return explored;
        }
        next += 1;
    }
    Explored { states: visited.states.len(), flaw: None }
}

struct Visited<S> {
    states: Vec<Rc<S>>,
    known: HashSet<Rc<S>>,
    parents: Vec<usize>,
}

impl<S: Eq + Hash> Visited<S> {
    fn add(&mut self, state: S, parent: usize) {
        let state = Rc::new(state);
        if self.known.insert(state.clone()) {
            self.states.push(state);
            self.parents.push(parent);
        }
    }

    fn flawed<M: Model<State = S>>(&self, model: &M, place: usize, what: String) -> Explored {
        Explored { states: self.states.len(), flaw: Some(Flaw { what, way: self.way_to(model, place) }) }
    }

    fn way_to<M: Model<State = S>>(&self, model: &M, place: usize) -> Vec<String> {
        let (mut way, mut place) = (Vec::new(), place);
        while place != 0 {
            let parent = self.parents[place];
            model.steps(&self.states[parent], &mut |step, after| {
                if after.is_ok_and(|after| after == *self.states[place]) && way.len() < self.states.len() {
                    way.push(format!("{step:?}"));
                }
            });
            place = parent;
        }
        way.reverse();
        way
    }
}
