//! What decisions about snapshots look at, read live, in the order in which they say so.

use super::copying::known_of;
use super::live_claims::LiveClaims;
use super::{Caches, ClaimView, token_claims, with};
use crate::domain::ids::{ContentName, PvName};
use crate::domain::served::Served;
use crate::domain::snapshot::content::Content;
use crate::domain::snapshot::handle::content_name;
use crate::domain::snapshot::{Kind, Snapshot, SnapshotClass, SnapshotKey};
use crate::domain::token::Token;
use crate::execute::cluster::ApiError;
use crate::execute::{Failure, Ports};
use crate::plan::snapshot::{Class, Found, LiveContent, Origin};
use crate::{observe::roots::Roots, plan::snapshot};
use std::collections::BTreeMap;

/// A VolumeSnapshot that may need a content.
pub struct SnapshotView {
    /// It.
    pub snapshot: Snapshot,
    /// What it is of.
    pub origin: Origin,
    /// All classes.
    pub classes: Vec<SnapshotClass>,
    /// Whether it has one.
    pub has_content: bool,
}

/// Reads a VolumeSnapshot live. `None`: it is gone, or not known to need anything.
///
/// # Errors
/// What the API server answers.
pub async fn snapshot(caches: &Caches, ports: &Ports, key: &SnapshotKey) -> Result<Option<SnapshotView>, Failure> {
    let served = with(caches, |index| index.snapshots_served(Kind::Class));
    if served != Served::Yes {
        return Ok(None);
    }
    let Some(snapshot) = ports.snapshots.snapshot(key).await? else {
        return Ok(None);
    };
    let has_content = ports.snapshots.content(&content_name(&snapshot.uid)).await?.is_some();
    Ok(Some(SnapshotView {
        origin: origin(caches, ports, Some(&snapshot)).await?,
        classes: with(caches, |index| index.snapshot_classes().cloned().collect()),
        has_content,
        snapshot,
    }))
}

/// Reads a content live, and asks its backend. `None`: it is gone.
///
/// # Errors
/// What the API server or the backend answers.
pub async fn content(
    caches: &Caches,
    ports: &Ports,
    roots: &Roots,
    name: &ContentName,
) -> Result<Option<LiveContent>, Failure> {
    let Some(content) = ports.snapshots.content(name).await? else {
        return Ok(None);
    };
    let class = class(caches, &content);
    if !snapshot::is_ours(&content) {
        return Ok(Some(LiveContent {
            class,
            ..unseen(content)
        }));
    }
    let mut claims = LiveClaims::of(&*ports.cluster);
    let tokens = token_claims(&content.tokens, caches, &*ports.cluster, &mut claims).await?;
    let known = |token: &Token| (token.clone(), known_of(token, caches, &*ports.ledger));
    let copies = content.tokens.keys().map(known).collect();
    let snapshot = ports.snapshots.snapshot(&content.of).await?;
    let origin = match content.is_ready() {
        true => Origin::default(),
        false => origin(caches, ports, snapshot.as_ref()).await?,
    };
    let imports = roots.imports(&content);
    let handle = snapshot::handle(&content, snapshot.as_ref(), &origin, &imports);
    let behind = handle.as_ref().and_then(|handle| roots.behind_snapshot(handle));
    let backend = behind.as_ref().map(|(view, _)| view.clone());
    let open = !content.is_ready() || snapshot::unfinished(&content).is_some();
    let asked = handle.zip(behind).filter(|_| open);
    let found = match asked {
        None => Found::NotAsked,
        Some((_, (view, _))) if !view.capabilities.snapshot => Found::NotAsked,
        Some((handle, (_, guarded))) => match guarded.find_snapshot(&handle.id).await? {
            Some(found) => Found::There(found),
            None => Found::Absent,
        },
    };
    Ok(Some(LiveContent {
        snapshot,
        origin,
        class,
        backend,
        imports,
        found,
        tokens,
        copies,
        ..unseen(content)
    }))
}

/// Whether another content has the data of one that goes. To be asked after that was read: it takes all contents there are.
///
/// # Errors
/// What the API server answers.
pub async fn is_shared(ports: &Ports, roots: &Roots, content: &Content) -> Result<bool, Failure> {
    let others = ports.snapshots.contents().await?;
    let shares = |other: &Content| snapshot::shares(content, other, &roots.imports(other));
    Ok(others.iter().any(shares))
}

/// A content of which nothing else is known.
fn unseen(content: Content) -> LiveContent {
    LiveContent {
        content,
        snapshot: None,
        origin: Origin::default(),
        class: Class::Unnamed,
        backend: None,
        imports: Default::default(),
        shared: None,
        found: Found::NotAsked,
        tokens: BTreeMap::new(),
        copies: BTreeMap::new(),
        failed: None,
    }
}

fn class(caches: &Caches, content: &Content) -> Class {
    let Some(name) = &content.class else {
        return Class::Unnamed;
    };
    with(caches, |index| match index.snapshot_class(name) {
        Some(class) => Class::Is(class.clone()),
        None if index.snapshots_served(Kind::Class) == Served::Yes => Class::Missing,
        None => Class::Unknown,
    })
}

async fn origin(caches: &Caches, ports: &Ports, snapshot: Option<&Snapshot>) -> Result<Origin, ApiError> {
    let Some(key) = snapshot.and_then(|snapshot| snapshot.of.as_ref()) else {
        return Ok(Origin::default());
    };
    let cluster = &*ports.cluster;
    let Some(claim) = cluster.claim(key).await? else {
        return Ok(Origin::default());
    };
    let pv = match &claim.volume_name {
        Some(name) => cluster.pv(name).await?,
        None => None,
    };
    let mut origin = Origin {
        claim: Some(claim),
        pv,
        ..Origin::default()
    };
    let volume = origin.pv.as_ref().filter(|pv| pv.is_member());
    let volume = volume.and_then(|pv| with(caches, |index| index.volume_of(pv)));
    if let Some(volume) = volume {
        let name: PvName = volume.pv_name();
        origin.owner_pv = cluster.pv(&name).await?;
        let owner = origin.owner_pv.as_ref().and_then(|pv| pv.claim.as_ref());
        origin.owner = match owner {
            Some(of) => cluster.claim(&of.key).await?,
            None => None,
        };
    }
    Ok(origin)
}

impl ClaimView {
    /// The content of the snapshot that the claim is to be made from, if it is known.
    pub fn content(&self) -> Option<&ContentName> {
        self.copy.as_ref()?.content()
    }
}
