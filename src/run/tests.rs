//! What the process says when it cannot begin.

use super::*;
use crate::cli::{Cli, Command};
use clap::Parser;
use std::path::Path;

fn arguments(data: &Path) -> RunArgs {
    let cli = Cli::parse_from(["tombolo", "run", "--data-dir", data.to_str().unwrap()]);
    match cli.command {
        Command::Run(args) => args,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_used_ends_the_start_with_its_name_and_the_reason() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    std::fs::write(&data, "a file").unwrap();
    let error = open_ledger(&arguments(&data)).await.err().unwrap();
    let expected = format!(
        "the ledger cannot be opened: {}/ledger cannot be used as the ledger's directory: Not a directory (os error 20)",
        data.display()
    );
    assert_eq!(format!("{error:#}"), expected);
    assert_eq!(std::fs::read_to_string(&data).unwrap(), "a file");
}

#[tokio::test]
async fn a_second_process_does_not_get_the_ledger_of_the_first() {
    let scratch = tempfile::tempdir().unwrap();
    let args = arguments(scratch.path());
    let first = open_ledger(&args).await.unwrap();
    let error = open_ledger(&args).await.err().unwrap();
    let expected = format!(
        "the ledger cannot be opened: {}/ledger is in use by another process",
        scratch.path().display()
    );
    assert_eq!(format!("{error:#}"), expected);
    drop(first);
    assert!(open_ledger(&args).await.is_ok());
}
