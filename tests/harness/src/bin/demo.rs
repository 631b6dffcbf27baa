//! `demo`: see Tombolo work. With `KEEP=1` the cluster and the controller are left running.

use std::process::ExitCode;

use tombolo_harness::demo::{self, Afterwards};

#[tokio::main]
async fn main() -> ExitCode {
    let keep = std::env::var("KEEP").is_ok_and(|value| !["", "0", "false", "no"].contains(&value.as_str()));
    match demo::play(if keep { Afterwards::Kept } else { Afterwards::Cleared }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}
