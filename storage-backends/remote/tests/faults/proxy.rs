//! A proxy that can lose answers: it passes requests on, and then ends the connection instead of passing the answer back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub struct Proxy {
    pub address: SocketAddr,
    lose: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn before(far: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, lose) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let losing = lose.clone();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, far, losing.clone()));
            }
        });
        Self { address, lose, task }
    }

    /// Loses the next answers.
    pub fn lose(&self, answers: usize) {
        self.lose.store(answers, Ordering::SeqCst);
    }

    /// How many are still to be lost.
    pub fn left(&self) -> usize {
        self.lose.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut near: TcpStream, far: SocketAddr, lose: Arc<AtomicUsize>) {
    let mut far = TcpStream::connect(far).await.unwrap();
    let (mut out, mut back) = (vec![0; 16384], vec![0; 16384]);
    loop {
        tokio::select! {
            count = near.read(&mut out) => match count {
                Ok(count @ 1..) => far.write_all(&out[..count]).await.unwrap(),
                _ => return,
            },
            count = far.read(&mut back) => match count {
                Ok(count @ 1..) => {
                    let lost = |left: usize| left.checked_sub(1);
                    if lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lost).is_ok() {
                        return;
                    }
                    near.write_all(&back[..count]).await.unwrap();
                }
                _ => return,
            },
        }
    }
}
