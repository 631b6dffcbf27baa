//! Looks at exports without taking part: reads the records beside whoever has them, and compares, without changing anything,
//! what follows from them with the files and with the server.
//!
//! What changes meanwhile may be seen half: whoever finds a difference looks again before believing it.

use crate::book::off_thread;
use crate::bus::{Ganesha, Shown};
use crate::config::ExporterConfig;
use crate::export_block::Export;
use crate::export_files;
use crate::ids::ExportId;
use crate::reconcile::strange;
use crate::record::{Live, Record, State};
use crate::records::Records;
use crate::settle::{Need, need};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use tombolo_backend_api::{BackendError, ExportKey, Exported};

/// Something that [`Exporter::reconcile`](crate::Exporter::reconcile), or opening the exporter, would mend. `Display` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The server does not export it.
    Missing(ExportKey),
    /// The server exports it to others, with other access, or another directory.
    Wrong(ExportKey),
    /// The server exports with this id what is not to be, or not any more.
    Stale(ExportId),
    /// The server has given its id to somebody else.
    Taken(ExportKey),
    /// The server would export something else after a restart.
    File(ExportKey),
    /// The server would export what is not to be after a restart.
    Stray(PathBuf),
    /// A record that cannot be read: the export has to be made again.
    Damaged(usize),
    /// An export that the server has no words for.
    Unsayable(ExportKey, String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(key) => write!(f, "export {key}: NFS-Ganesha does not have it"),
            Self::Wrong(key) => write!(f, "export {key}: NFS-Ganesha exports it otherwise"),
            Self::Stale(id) => write!(f, "export id {id}: NFS-Ganesha still exports what is not to be"),
            Self::Taken(key) => write!(
                f,
                "export {key}: its id belongs to an export of somebody else, who has to give it another"
            ),
            Self::File(key) => write!(
                f,
                "export {key}: its file for the next start of NFS-Ganesha says something else"
            ),
            Self::Stray(path) => write!(
                f,
                "{} would be exported at the next start of NFS-Ganesha",
                path.display()
            ),
            Self::Damaged(count) => write!(
                f,
                "{count} records of exports cannot be read; those exports have to be made again"
            ),
            Self::Unsayable(key, why) => write!(f, "export {key}: {why}"),
        }
    }
}

/// What was found.
#[derive(Debug)]
pub struct Compared {
    /// What differs on disk.
    pub files: Vec<Difference>,
    /// What differs on the server, or why that could not be asked.
    pub server: Result<Vec<Difference>, BackendError>,
}

/// All exports that there are to be, as the records on disk say. None, where there are no records yet.
///
/// # Errors
/// `Denied` or `Waiting` if the records cannot be read.
pub async fn recorded(config: &ExporterConfig) -> Result<Vec<Exported>, BackendError> {
    let (records, _) = read(config).await?;
    Ok(records.values().filter_map(Record::live).map(Live::exported).collect())
}

/// Compares the records with the files and with the server.
///
/// # Errors
/// As those of [`recorded`]. A server that is away is an answer.
pub async fn compare(config: &ExporterConfig) -> Result<Compared, BackendError> {
    let (records, damaged) = read(config).await?;
    let (wanted, mut files) = wanted(&records, config);
    if damaged > 0 {
        files.push(Difference::Damaged(damaged));
    }
    let (at, expected) = (config.clone(), wanted.clone());
    let on_disk = off_thread(move || Ok(compare_files(&at, &expected))).await?;
    files.extend(on_disk);
    let server = compare_server(&Ganesha::new(config.bus.clone()), &records, &wanted).await;
    Ok(Compared { files, server })
}

type Wanted = BTreeMap<ExportId, (ExportKey, Export)>;

async fn read(config: &ExporterConfig) -> Result<(BTreeMap<ExportId, Record>, usize), BackendError> {
    let state = config.state.clone();
    let found = off_thread(move || Records::peek(&state)).await?;
    Ok((current(found.records), found.damaged))
}

/// Of two live records of one key the younger counts, as in the book.
fn current(mut records: Vec<Record>) -> BTreeMap<ExportId, Record> {
    records.sort_by_key(|record| record.sequence);
    let (mut current, mut by_key) = (BTreeMap::<ExportId, Record>::new(), BTreeMap::new());
    for record in records {
        if let State::Live(live) = &record.state {
            let former = by_key.insert(live.key.clone(), record.id);
            if let Some(former) = former.and_then(|former| current.get_mut(&former)) {
                former.state = State::Leaving(live.key.clone());
            }
        }
        current.insert(record.id, record);
    }
    current
}

fn wanted(records: &BTreeMap<ExportId, Record>, config: &ExporterConfig) -> (Wanted, Vec<Difference>) {
    let (mut wanted, mut unsayable) = (Wanted::new(), Vec::new());
    for (id, record) in records {
        let Some(live) = record.live() else { continue };
        match Export::of(record, config) {
            Ok(Some(export)) => drop(wanted.insert(*id, (live.key.clone(), export))),
            Ok(None) => {}
            Err(error) => unsayable.push(Difference::Unsayable(live.key.clone(), error.to_string())),
        }
    }
    (wanted, unsayable)
}

fn compare_files(config: &ExporterConfig, wanted: &Wanted) -> Vec<Difference> {
    let says = |id, text: &str| {
        let file = std::fs::read(export_files::path_in(&config.config_dir, id));
        file.is_ok_and(|bytes| bytes == text.as_bytes())
    };
    let differing = wanted.iter().filter(|(id, (_, export))| !says(**id, export.text()));
    let differing = differing.map(|(_, (key, _))| Difference::File(key.clone()));
    let known = wanted.keys().map(|id| export_files::path_in(&config.config_dir, *id));
    let known: BTreeSet<_> = known.collect();
    let stray = export_files::all_in(&config.config_dir).filter(|path| !known.contains(path));
    differing.chain(stray.map(Difference::Stray)).collect()
}

async fn compare_server(
    ganesha: &Ganesha,
    records: &BTreeMap<ExportId, Record>,
    wanted: &Wanted,
) -> Result<Vec<Difference>, BackendError> {
    let shown: Vec<Shown> = ganesha.show().await?;
    let strange = strange(|id| records.get(&id), &shown);
    let mut found: Vec<_> = strange.stale.into_iter().map(Difference::Stale).collect();
    for (id, record) in records {
        let Some(key) = record.key() else { continue };
        let wanted = wanted.get(id).map(|(_, export)| export);
        let displayed = ganesha.display(*id).await?;
        match need(record, wanted, displayed.as_ref()) {
            Need::Nothing => {}
            Need::Add => found.push(Difference::Missing(key.clone())),
            Need::Update | Need::Replace => found.push(Difference::Wrong(key.clone())),
            Need::Remove => found.push(Difference::Stale(*id)),
            Need::Conflict => found.push(Difference::Taken(key.clone())),
        }
    }
    Ok(found)
}
