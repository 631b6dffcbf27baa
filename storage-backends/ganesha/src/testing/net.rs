//! Network namespaces to be a server, a node or a pod in: one switch, and each on a cable of its own.

use rustix::net::{AddressFamily, SocketType, sockopt};
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_millis(800);

/// Runs `ip` with words.
fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip")
        .args(words)
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| format!("ip {}: {said}", words.join(" ")))
}

/// A network namespace with a name, which goes when the value is dropped, with all that is plugged into it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one, with loopback. The error says what this machine does not allow.
    pub fn new(role: &str) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tombolo-{role}-{}-{number}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` within.
    pub fn ip(&self, words: &[&str]) -> Result<(), String> {
        ip(&[&["-n", &self.name], words].concat())
    }

    /// Lays a cable to another namespace, with an address at each end, such as `10.9.1.1/24` and `10.9.1.2/24`.
    pub fn plug(&self, here: (&str, &[&str]), other: &Self, there: (&str, &[&str])) -> Result<(), String> {
        self.ip(&[
            "link",
            "add",
            here.0,
            "type",
            "veth",
            "peer",
            "name",
            there.0,
            "netns",
            &other.name,
        ])?;
        for (namespace, (device, addresses)) in [(self, here), (other, there)] {
            for address in addresses {
                // Without waiting for whoever may have the same address of version 6.
                let nodad: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
                namespace.ip(&[&["addr", "add", address, "dev", device], nodad].concat())?;
            }
            namespace.ip(&["link", "set", device, "up"])?;
        }
        Ok(())
    }

    /// Words that run a program within.
    pub fn words(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.name].map(String::from).to_vec()
    }

    /// Runs a program within, and answers what it printed.
    pub fn run(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.name])
            .args(words)
            .output();
        let output = output.map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    }

    /// Whether a connection from one address within to another address comes about, soon.
    pub fn connects(&self, source: IpAddr, to: SocketAddr) -> bool {
        self.within(|| connect(source, to).is_ok())
    }

    /// Does something on a thread within. What it opens there stays there.
    pub fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let within = || {
            self.enter().unwrap();
            act()
        };
        std::thread::scope(|scope| scope.spawn(within).join().unwrap())
    }

    /// Moves the thread that calls this within, and what it starts from then on.
    pub fn enter(&self) -> Result<(), String> {
        let file = std::fs::File::open(format!("/run/netns/{}", self.name)).map_err(|error| error.to_string())?;
        rustix::thread::move_into_link_name_space(
            std::os::fd::AsFd::as_fd(&file),
            Some(rustix::thread::LinkNameSpaceType::Network),
        )
        .map_err(|error| error.to_string())
    }
}

fn connect(source: IpAddr, to: SocketAddr) -> rustix::io::Result<()> {
    let family = if source.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    // It bounds the time that connecting takes as well (socket(7)).
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(CONNECTING))?;
    rustix::net::bind(&socket, &SocketAddr::new(source, 0))?;
    rustix::net::connect(&socket, &to)
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.name]);
    }
}
