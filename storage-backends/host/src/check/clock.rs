//! Is the clock kept right? How old trash is, and when a retention ends, is told by it.

use super::{Check, Verdict};
use std::process::Command;

/// Asks systemd, which knows whether anything keeps the kernel's clock right.
pub fn check() -> Check {
    let asked = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .output();
    let verdict = match asked {
        Ok(answer) if answer.status.success() => judge(&String::from_utf8_lossy(&answer.stdout)),
        _ => Verdict::Unknown("timedatectl cannot be asked whether the clock is kept right".to_owned()),
    };
    Check { name: "clock", verdict }
}

fn judge(answer: &str) -> Verdict {
    match answer.trim() {
        "yes" => Verdict::Passed("it is kept right".to_owned()),
        "no" => Verdict::failed(
            "nothing keeps it right: trash would be kept for too long, or not long enough",
            "apt install systemd-timesyncd, or chrony, and give it a server that this host reaches",
        ),
        other => Verdict::Unknown(format!("timedatectl says {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_nothing_keeps_right_is_a_failure() {
        assert!(matches!(judge("yes\n"), Verdict::Passed(_)));
        assert!(matches!(judge("no\n"), Verdict::Failed { .. }));
        assert!(matches!(judge(""), Verdict::Unknown(_)));
    }
}
