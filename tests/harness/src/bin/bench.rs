//! `make bench`: measures, and prints a table. `N` in the environment says with how many claims.

use anyhow::{Context as _, Result, ensure};

#[tokio::main]
async fn main() -> Result<()> {
    let count = match std::env::var("N") {
        Ok(text) if !text.is_empty() => text.parse().with_context(|| format!("N={text} is no number"))?,
        Ok(_) | Err(std::env::VarError::NotPresent) => 300,
        Err(error) => return Err(error).context("N"),
    };
    ensure!(count > 0, "N=0 measures nothing");
    tombolo_harness::bench::run(count).await
}
