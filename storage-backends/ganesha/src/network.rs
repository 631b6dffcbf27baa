//! A network that may mount, in words that NFS-Ganesha's configuration has.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The lexer reads two digits after the slash and no leading zero (`CIDR` in `conf_lex.l` of 4.3), so that `/100` and above have
/// no words there; a single address has.
const LONGEST_PREFIX: u8 = 99;

/// A network whose address has no bits behind the prefix, and which NFS-Ganesha can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// Why a text is no [`Network`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// Not an address with an optional prefix length.
    #[error("{0:?} is no network such as 10.0.0.0/8 or fd00::/64")]
    Syntax(String),
    /// Nothing that NFS-Ganesha can be told.
    #[error("NFS-Ganesha has no words for the network {0}: between /100 and /127 it knows none")]
    Unsayable(String),
}

impl Network {
    /// Parses an address or a network; bits behind the prefix are dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidNetwork> {
        let address = || text.parse::<IpAddr>().map(IpNet::from).ok();
        let network = text.parse().ok().or_else(address);
        network
            .ok_or_else(|| InvalidNetwork::Syntax(text.to_owned()))
            .and_then(Self::new)
    }

    /// Takes a network; bits behind the prefix are dropped.
    pub fn new(network: IpNet) -> Result<Self, InvalidNetwork> {
        let network = network.trunc();
        let single = network.prefix_len() == network.max_prefix_len();
        if network.prefix_len() > LONGEST_PREFIX && !single {
            return Err(InvalidNetwork::Unsayable(network.to_string()));
        }
        Ok(Self(network))
    }

    /// The network itself.
    pub fn network(self) -> IpNet {
        self.0
    }

    /// The networks that together are this one, each of which the configuration has words for: there are none for `/0`.
    pub(crate) fn sayable(self) -> Vec<IpNet> {
        let halves_v4 = || [Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(128, 0, 0, 0)].map(|a| Ipv4Net::new(a, 1));
        let halves_v6 =
            || [Ipv6Addr::UNSPECIFIED, Ipv6Addr::new(0x8000, 0, 0, 0, 0, 0, 0, 0)].map(|a| Ipv6Net::new(a, 1));
        match self.0 {
            IpNet::V4(all) if all.prefix_len() == 0 => halves_v4().into_iter().flatten().map(IpNet::from).collect(),
            IpNet::V6(all) if all.prefix_len() == 0 => halves_v6().into_iter().flatten().map(IpNet::from).collect(),
            other => vec![other],
        }
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;
    fn try_from(text: String) -> Result<Self, InvalidNetwork> {
        Self::parse(&text)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_addresses_parse_and_host_bits_go() {
        for (text, read) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("fd00::1/64", "fd00::/64"),
            ("fd00::1", "fd00::1/128"),
        ] {
            assert_eq!(Network::parse(text).map(String::from), Ok(read.to_owned()));
        }
        for bad in ["", "10.0.0.0/33", "*", "host", "10.0.0.0/8; x", "@group"] {
            assert!(Network::parse(bad).is_err(), "{bad:?}");
        }
        assert!(matches!(
            Network::parse("fd00::/100"),
            Err(InvalidNetwork::Unsayable(_))
        ));
    }

    #[test]
    fn everything_is_said_in_two_halves() {
        for (all, halves) in [
            ("0.0.0.0/0", ["0.0.0.0/1", "128.0.0.0/1"]),
            ("::/0", ["::/1", "8000::/1"]),
        ] {
            let said: Vec<_> = Network::parse(all)
                .unwrap()
                .sayable()
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(said, halves);
        }
    }
}
