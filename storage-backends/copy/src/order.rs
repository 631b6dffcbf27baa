//! One copy, from the first look to its place.

use crate::account::{Account, Limits};
use crate::fill::fill;
use crate::make::Maker;
use crate::name::{Key, Part, Takeover, Unfinished, origin, takeover};
use crate::node::{Name, Node};
use crate::relay::Stop;
use crate::running::turn;
use crate::tree::{Listing, Placed, Workshop};
use crate::walk::{Pair, Walk};
use futures::FutureExt;
use std::sync::atomic::AtomicBool;
use tombolo_backend_api::{BackendError, Certainty, Class, Copied, CopyProgress, CopyTerms};

/// How often a directory that somebody else changes is gone through again.
const MOST_ROUNDS: usize = 100;

/// A copy to be made.
pub struct Order<'a> {
    /// Which root it is in, as one text for all backends of this process on it.
    pub root: String,
    /// What it is to become.
    pub key: Key,
    /// Bytes that the source may have.
    pub bytes: u64,
    /// The mode of the copy's root, unless it is the source's.
    pub mode: Option<u32>,
    /// How it is made.
    pub terms: CopyTerms,
    /// Told how far it has come.
    pub progress: &'a dyn CopyProgress,
    /// Stops it at its next step.
    pub stop: Stop,
}

/// Makes a copy and puts it in its place. What is in that place already is success.
///
/// # Errors
/// As `tombolo_backend_api::Clones::clone_volume` says.
pub async fn copy<W: Workshop>(shop: &W, order: &Order<'_>) -> Result<Copied, BackendError> {
    let Order { root, key, terms, .. } = order;
    let _turn = turn(format!("{root}\0{}\0{}", key.as_str(), terms.epoch)).await?;
    if shop.is_placed().await? {
        abandon(shop, key).await?;
        return Ok(Copied::default());
    }
    let source = shop.source().await?;
    let copies = shop.make_copies().await?;
    let found = unfinished(shop, &copies, key).await?;
    let id = source.as_ref().map(|(_, node)| node.id);
    let from = id.map(|id| origin(id, &shop.trusts())).unwrap_or_default();
    let (givers, refuse) = match takeover(found, terms.epoch, &from) {
        Takeover::Granted { givers, refuse } => (givers, refuse),
        Takeover::Refused { by } => {
            let message = format!("a leader of term {by} makes this copy, and ours is {}", terms.epoch);
            return Err(BackendError::not_done(Class::Transient, message));
        }
    };
    let Some(source) = source else {
        abandon(shop, key).await?;
        return Err(BackendError::not_done(Class::Invalid, NO_SOURCE));
    };
    let attempt = Attempt {
        shop,
        order,
        copies,
        origin: from,
    };
    let made = attempt.make(source, givers, refuse).await;
    if let Err(BackendError {
        class: Class::TooLarge | Class::Invalid,
        ..
    }) = &made
    {
        // The failure itself is the news; what cannot be put away now is found by the next attempt, or abandoned.
        let _ = abandon(shop, key).await;
    }
    made.map_err(|error| BackendError {
        certainty: Certainty::MaybeDone,
        ..error
    })
}

const NO_SOURCE: &str = "there is nothing to be copied";

/// Puts everything that unfinished copies have made into the trash, under purge.
///
/// # Errors
/// Those of the backend.
pub async fn abandon<W: Workshop>(shop: &W, key: &Key) -> Result<(), BackendError> {
    let Some(copies) = shop.find_copies().await? else {
        return Ok(());
    };
    // Not only once: one that runs may have been renaming while its names were read.
    for _ in 0..MOST_ROUNDS {
        let found = unfinished(shop, &copies, key).await?;
        if found.is_empty() {
            return Ok(());
        }
        for found in found {
            put_away(shop, &copies, &found).await?;
        }
    }
    Err(BackendError::maybe_done(
        Class::Transient,
        "somebody begins this copy again and again",
    ))
}

async fn unfinished<W: Workshop>(shop: &W, copies: &W::Dir, key: &Key) -> Result<Vec<Unfinished>, BackendError> {
    for _ in 0..MOST_ROUNDS {
        let (mut found, mut place) = (Vec::new(), Some(W::Place::default()));
        while let Some(from) = place {
            match shop.list(copies, &from).await? {
                Listing::Page { entries, next } => {
                    found.extend(entries.iter().filter_map(|entry| Unfinished::parse(&entry.name, key)));
                    place = next;
                }
                Listing::Unsettled => break,
            }
            if place.is_none() {
                return Ok(found);
            }
        }
    }
    Err(BackendError::not_done(
        Class::Transient,
        "unfinished copies cannot be listed",
    ))
}

/// Removes a directory of an unfinished copy if it is empty, and otherwise dooms it.
async fn put_away<W: Workshop>(shop: &W, copies: &W::Dir, what: &Unfinished) -> Result<(), BackendError> {
    let Some(name) = what.name() else { return Ok(()) };
    match shop.remove_dir(copies, &name).await? {
        true => Ok(()),
        false => shop.doom(&name).await,
    }
}

/// One attempt at a copy.
struct Attempt<'a, W: Workshop> {
    shop: &'a W,
    order: &'a Order<'a>,
    copies: W::Dir,
    origin: String,
}

impl<W: Workshop> Attempt<'_, W> {
    async fn make(
        &self,
        source: (W::Dir, Node),
        givers: Vec<Unfinished>,
        refuse: Vec<Unfinished>,
    ) -> Result<Copied, BackendError> {
        for useless in &refuse {
            self.put_away(useless).await?;
        }
        let givers = self.take_over(givers).await?;
        let attempt = uuid::Uuid::new_v4().simple().to_string();
        let (tree, shared) = (self.part(&attempt, Part::Tree), self.part(&attempt, Part::Shared));
        let (Some(tree_name), Some(shared_name)) = (tree.name(), shared.name()) else {
            return Err(BackendError::maybe_done(Class::Bug, "an unfinished copy has no name"));
        };
        let built = self.build(source, &givers, &tree_name, &shared_name).await;
        if built.is_err() {
            // Somebody who has put our tree away, or taken it, did not see what we have made since.
            if let Ok(None) = self.shop.look(&self.copies, &tree_name).await {
                let _ = self.put_away(&shared).await;
                return Err(taken_over());
            }
            return built;
        }
        for rest in givers.iter().chain([&tree]) {
            self.put_away(rest).await?;
        }
        built
    }

    /// Builds the tree and puts it in its place.
    async fn build(
        &self,
        (from, node): (W::Dir, Node),
        givers: &[Unfinished],
        tree: &Name,
        shared: &Name,
    ) -> Result<Copied, BackendError> {
        let Self {
            shop, order, copies, ..
        } = self;
        let (to, began, _) = shop.make_dir(copies, tree).await?;
        let (shared_dir, _, _) = shop.make_dir(copies, shared).await?;
        let account = Account::new(Limits {
            bytes: order.bytes,
            entries: order.terms.max_entries,
        });
        let mut open_givers = Vec::new();
        for giver in givers.iter().filter_map(Unfinished::name) {
            open_givers.extend(shop.enter(copies, &giver).await?.map(|(dir, _)| dir));
        }
        let top = Pair {
            from,
            to,
            givers: open_givers,
            node: Node {
                mode: order.mode.unwrap_or(node.mode),
                ..node
            },
            listed: AtomicBool::new(false),
        };
        let walk = Walk::new(*shop, &account, began.id, top);
        let maker = Maker::new(*shop, &account, order.terms.drop_set_id, shared_dir, order.stop.clone());
        let still_ours = || self.still_ours(tree).boxed();
        fill(walk, &maker, &account, order.progress, &still_ours).await?;
        // One that was being deleted looks like one that became smaller.
        let source_now = shop.source().await?.map(|(_, now)| now.id);
        if source_now != Some(node.id) {
            let message = "the source was replaced or deleted while it was copied";
            return Err(BackendError::maybe_done(Class::Invalid, message));
        }
        self.clear(maker.shared(), shared).await?;
        shop.persist(copies).await?;
        match shop.place(tree, began).await? {
            Placed::Done | Placed::Taken => {}
            Placed::Gone if shop.is_placed().await? => {}
            Placed::Gone => return Err(taken_over()),
        }
        order.progress.copied(account.copied(), account.seen());
        Ok(account.copied())
    }

    fn part(&self, attempt: &str, part: Part) -> Unfinished {
        Unfinished {
            key: self.order.key.as_str().to_owned(),
            origin: self.origin.clone(),
            epoch: self.order.terms.epoch,
            attempt: attempt.to_owned(),
            part,
        }
    }

    async fn put_away(&self, what: &Unfinished) -> Result<(), BackendError> {
        put_away(self.shop, &self.copies, what).await
    }

    /// Gives the trees of earlier attempts names of ours, so that the last step of those that still run fails; those that were
    /// there.
    async fn take_over(&self, givers: Vec<Unfinished>) -> Result<Vec<Unfinished>, BackendError> {
        let mut taken = Vec::new();
        for giver in givers {
            let ours = self.part(&uuid::Uuid::new_v4().simple().to_string(), giver.part);
            let (Some(old), Some(new)) = (giver.name(), ours.name()) else {
                continue;
            };
            if self.shop.rename((&self.copies, &old), (&self.copies, &new)).await? {
                taken.push(ours);
            }
        }
        Ok(taken)
    }

    async fn still_ours(&self, tree: &Name) -> Result<(), BackendError> {
        match self.shop.look(&self.copies, tree).await? {
            Some(_) => Ok(()),
            None => Err(taken_over()),
        }
    }

    /// Removes the second names of shared files, so that the copy's files have as many names as it shows.
    async fn clear(&self, dir: &W::Dir, name: &Name) -> Result<(), BackendError> {
        for _ in 0..MOST_ROUNDS {
            let mut place = Some(W::Place::default());
            while let Some(from) = place {
                let Listing::Page { entries, next } = self.shop.list(dir, &from).await? else {
                    break;
                };
                for entry in entries {
                    self.shop.remove(dir, &entry.name).await?;
                }
                place = next;
            }
            if self.shop.remove_dir(&self.copies, name).await? {
                return Ok(());
            }
        }
        Err(BackendError::maybe_done(
            Class::Transient,
            "somebody else writes into this copy",
        ))
    }
}

fn taken_over() -> BackendError {
    let message = "the copy was taken over, finished or abandoned by somebody else";
    BackendError::maybe_done(Class::Transient, message)
}
