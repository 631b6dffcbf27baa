//! `tombolo crd`: the definitions of our kinds, to standard output or into a directory.

use crate::api::crd_files;
use crate::cli::CrdArgs;
use anyhow::Context;

/// Writes the definitions.
///
/// # Errors
/// If a file cannot be written.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub fn write(args: &CrdArgs) -> anyhow::Result<()> {
    for (name, yaml) in crd_files()? {
        match &args.out {
            Some(directory) => {
                std::fs::create_dir_all(directory)?;
                let file = directory.join(name);
                std::fs::write(&file, yaml).with_context(|| format!("{} cannot be written", file.display()))?;
            }
            None => println!("---\n{yaml}"),
        }
    }
    Ok(())
}
