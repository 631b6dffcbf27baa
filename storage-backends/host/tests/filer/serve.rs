use super::*;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::time::Duration;
use tombolo_backend_remote::Remote;
use tombolo_backend_remote::client::{Config, Credentials, Token};

/// A service that runs; ended, whatever becomes of the test.
pub struct Service {
    pub child: Child,
    notify: UnixDatagram,
    log: std::sync::mpsc::Receiver<serde_json::Value>,
}

impl Service {
    pub fn start(host: &Host) -> Self {
        Self::run(host, host.command(&["serve", "--log-format", "json"]))
    }

    /// With a command that was made ready.
    pub fn run(host: &Host, mut command: Command) -> Self {
        let socket = host.at("notify");
        let notify = UnixDatagram::bind(&socket).unwrap();
        notify.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut child = command
            .env("NOTIFY_SOCKET", &socket)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (say, log) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = say.send(serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}")));
            }
        });
        Self { child, notify, log }
    }

    /// What systemd is told next.
    pub fn told(&self) -> String {
        let mut buffer = [0; 256];
        let count = self.notify.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    }

    /// The address in the line of the log with these words.
    pub fn address(&self, words: &str) -> String {
        loop {
            let line = self.log.recv_timeout(Duration::from_secs(20)).unwrap();
            if line["message"] == words {
                return line["address"].as_str().unwrap().to_owned();
            }
        }
    }

    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub async fn client(host: &Host, address: &str) -> Remote {
    let token = Credentials::Token(Token::parse(TOKEN).unwrap());
    let config = Config::parse(
        &format!("https://{address}"),
        Some(host.authority.clone().into_bytes()),
        token,
    );
    Remote::connect(config.unwrap()).await.unwrap()
}

#[tokio::test]
async fn it_serves_says_that_it_is_ready_shows_metrics_and_stops_in_order() {
    let host = Host::new("metrics: 127.0.0.1:0\n");
    let mut service = Service::start(&host);
    let metrics = service.address("metrics");
    let address = service.address("serving");
    assert!(service.told().starts_with("READY=1\n"));
    let client = client(&host, &address).await;
    client.place_mark(&mark()).await.unwrap();
    client.create(&volume("pvc-1")).await.unwrap();
    assert!(host.at("root/pvc-1").is_dir());
    let line = service.log.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(
        (&line["target"], &line["call"]),
        (&"audit".into(), &"/v1/mark/place".into()),
        "{line}"
    );
    let text = reqwest::get(format!("http://{metrics}/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let counted = "tombolo_filer_requests_total{path=\"/v1/volumes/create\",status=\"200\"} 1";
    assert!(text.contains(counted), "{text}");
    service.terminate();
    assert_eq!(service.told().trim(), "STOPPING=1");
    let ended = tokio::task::spawn_blocking(move || service.child.wait().map(|status| (service, status))).await;
    assert!(ended.unwrap().unwrap().1.success());
}

#[test]
fn without_tls_it_does_not_serve_by_accident() {
    let host = Host::new("");
    let config = host.at("filer.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let bare: String = text
        .lines()
        .filter(|line| !line.starts_with("tls:"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&config, &bare).unwrap();
    let (well, said) = host.run(&["serve"]);
    assert!(!well && said.contains("--plain"), "{said}");
    std::fs::write(&config, bare.replace("127.0.0.1:0", "0.0.0.0:0")).unwrap();
    let (well, said) = host.run(&["serve", "--plain"]);
    assert!(!well && said.contains("loopback"), "{said}");
}
