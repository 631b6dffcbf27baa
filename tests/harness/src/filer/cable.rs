//! A network of a filer's own: one cable from this machine to it. Who is let in is then the filer's own firewall's to say.

use std::process::Command;

use anyhow::Result;

use super::host::run;

/// A cable, with an address at each end. The kernel takes it away with the network at its far end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cable {
    device: String,
    net: [u8; 4],
}

impl Cable {
    /// The cable of the filer with that port, which no other has meanwhile.
    pub(super) fn of(port: u16) -> Self {
        let [high, low] = port.to_be_bytes();
        // Networks of four addresses in 10.192.0.0/10, sixteen apart.
        Self {
            device: format!("tombolo{port}"),
            net: [10, 192 + (high >> 4), (high << 4) | (low >> 4), (low & 0x0f) << 4],
        }
    }

    /// The address of this machine.
    pub(super) fn here(&self) -> String {
        self.address(1)
    }

    /// The address of the filer.
    pub(super) fn there(&self) -> String {
        self.address(2)
    }

    /// Lays it to the network of a process.
    pub(super) fn lay(&self, process: i32) -> Result<()> {
        let (device, process) = (self.device.as_str(), process.to_string());
        let ip = |words: &[&str]| run(Command::new("ip").args(words));
        let there = |words: &[&str]| {
            let namespace = format!("--net=/proc/{process}/ns/net");
            run(Command::new("nsenter").arg(namespace).args(["--", "ip"]).args(words))
        };
        ip(&[
            "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", &process,
        ])?;
        ip(&["addr", "add", &format!("{}/30", self.here()), "dev", device])?;
        ip(&["link", "set", device, "up"])?;
        there(&["link", "set", "lo", "up"])?;
        there(&["addr", "add", &format!("{}/30", self.there()), "dev", "eth0"])?;
        there(&["link", "set", "eth0", "up"])
    }

    fn address(&self, host: u8) -> String {
        let [a, b, c, d] = self.net;
        format!("{a}.{b}.{c}.{}", d + host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_ports_share_a_network() {
        let all: std::collections::BTreeSet<_> = (20_000..32_000).map(|port| Cable::of(port).net).collect();
        assert_eq!(all.len(), 12_000);
        assert!(Cable::of(u16::MAX).there().starts_with("10.207.255.242"));
    }
}
