//! Gates: hold a call where a test wants it held, to play one interleaving exactly.

use crate::Op;
use tokio::sync::watch;

/// Where in a call a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before anything has happened.
    Before,
    /// In the midst of a copy, when half of it is made. No other operation has a midst.
    Midway,
    /// After the effect, before the answer.
    After,
}

#[derive(Debug, Clone, Copy, Default)]
struct Passage {
    arrived: usize,
    open: bool,
}

/// Holds every call of one operation until it is opened; dropping it opens it.
#[derive(Debug)]
pub struct Gate(watch::Sender<Passage>);

impl Gate {
    /// Waits until `count` calls have come to the gate.
    pub async fn arrived(&self, count: usize) {
        // An error says that the sender is gone, and the sender is `self`.
        let _ = self.0.subscribe().wait_for(|passage| passage.arrived >= count).await;
    }

    /// How many calls have come to the gate.
    pub fn waiting(&self) -> usize {
        self.0.borrow().arrived
    }

    /// Lets all calls through, those held and those to come.
    pub fn open(self) {
        drop(self);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.send_modify(|passage| passage.open = true);
    }
}

/// The gates that stand, as calls see them.
#[derive(Debug, Default)]
pub(crate) struct Gates(Vec<(Op, Moment, watch::Sender<Passage>)>);

impl Gates {
    pub(crate) fn put(&mut self, op: Op, moment: Moment) -> Gate {
        let (sender, _) = watch::channel(Passage::default());
        self.0.push((op, moment, sender.clone()));
        Gate(sender)
    }

    /// Counts the arrival of a call, and answers what it has to wait for.
    pub(crate) fn arrive(&mut self, op: Op, moment: Moment) -> Vec<Held> {
        self.0.retain(|(_, _, gate)| !gate.borrow().open);
        let mine = self.0.iter().filter(|(at, when, _)| (*at, *when) == (op, moment));
        mine.map(|(_, _, gate)| {
            gate.send_modify(|passage| passage.arrived += 1);
            Held(gate.subscribe())
        })
        .collect()
    }
}

/// A closed gate in front of one call.
pub(crate) struct Held(watch::Receiver<Passage>);

impl Held {
    pub(crate) async fn opened(mut self) {
        // An error says that nobody is left who could open it.
        let _ = self.0.wait_for(|passage| passage.open).await;
    }
}
