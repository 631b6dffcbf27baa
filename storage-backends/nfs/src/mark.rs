//! The mark of the root: read, and placed so that it is there whole or not at all, and once.

use crate::{
    call::Call,
    directory::{PASSABLE, PRIVATE},
    errors::{Fault, Kind},
    node::Handle,
};
use tombolo_backend_api::{ARCHIVE_DIR, MARK_FILE, Mark, PRIVATE_DIR, TRASH_DIR};

/// A mark has some hundred bytes; what has more is none.
const MAX_MARK: u32 = 16 * 1024;

impl Call<'_> {
    /// The mark, if the root has one.
    pub(crate) async fn read_mark(&self) -> Result<Option<Mark>, Fault> {
        let root = self.root().await?;
        match self.directory(&root, PRIVATE_DIR).await? {
            Some(private) => self.read_mark_in(&private.handle).await,
            None => Ok(None),
        }
    }

    /// Marks a root that has no mark; the mark that is there afterwards, and whether the root's mode could be set.
    pub(crate) async fn place_mark(&self, mark: &Mark) -> Result<(Mark, bool), Fault> {
        let (root, own) = self.ensure_root().await?;
        let private = self.ensure_private(&root).await?;
        // What a discard needs is made while there is room for it.
        for name in [TRASH_DIR, ARCHIVE_DIR] {
            let directory = self.ensure_directory(&private, name, PRIVATE).await?;
            self.ensure_mode(&directory, PRIVATE).await?;
        }
        if let Some(found) = self.read_mark_in(&private).await? {
            return Ok((found, own));
        }
        let text = serde_json::to_vec(mark).map_err(|e| Fault::found(Kind::Other, e.to_string()))?;
        let draft = format!(".{MARK_FILE}.{}", uuid::Uuid::new_v4());
        let file = self.write_file(&private, &draft, &text).await?;
        // LINK is the one procedure of both versions that gives a whole file its name and refuses a name that is taken.
        let linked = self.link(&file, &private, MARK_FILE).await;
        self.remove(&private, &draft).await?;
        match linked {
            Err(fault) if !fault.is(Kind::Exists) && !fault.is(Kind::Lost) => return Err(fault),
            _ => {}
        }
        match self.read_mark_in(&private).await? {
            Some(winner) => Ok((winner, own)),
            None => Err(Fault::found(Kind::Other, "the mark that was just placed is not there")),
        }
    }

    async fn read_mark_in(&self, private: &Handle) -> Result<Option<Mark>, Fault> {
        let Some(file) = self.lookup(private, MARK_FILE).await? else {
            return Ok(None);
        };
        if file.kind != crate::node::FileKind::Regular {
            return Err(strange("is no file"));
        }
        let text = match self.read_file(&file, MAX_MARK).await {
            Err(fault) if fault.is(Kind::Unfit) => return Err(strange("is too long")),
            text => text?,
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|e| strange(&e.to_string()))
    }
}

/// A root whose mark says nothing is not the root we know; it is no root without a mark either, which could be marked
/// anew.
fn strange(why: &str) -> Fault {
    Fault::found(
        Kind::Stale,
        format!("the root's mark {PRIVATE_DIR}/{MARK_FILE} cannot be understood: {why}"),
    )
}

/// What to tell the admin of a root whose mode was refused.
pub(crate) fn foreign_root_notice() -> String {
    format!("the server refused to set the mode of the root to {PASSABLE:o}: users of the nodes may be able to list it")
}
