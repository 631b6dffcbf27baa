//! NFS version 4.0 (RFC 7530) by hand: handles, reading and writing without an open, and locks that are reclaimed.

use super::wire::{Reader, Rpc, Status, Writer};
use std::net::SocketAddr;
use std::time::Duration;

const NFS: u32 = 100_003;
/// "Anonymous": for reading and writing without an open (§9.1.4.3).
const ANONYMOUS: [u8; 16] = [0; 16];

/// How long a client waits that was asked to, and how often.
const DELAY: Duration = Duration::from_millis(50);
const MOST_DELAYS: usize = 200;

/// A file handle: any bytes.
pub type Handle = Vec<u8>;

/// A client on one connection.
#[derive(Debug)]
pub struct Client(Rpc);

/// One operation of a compound.
struct Operation {
    number: u32,
    arguments: Writer,
}

impl Operation {
    /// Whether the server counts it: such a one is not sent twice (§9.1.7).
    fn in_sequence(&self) -> bool {
        matches!(self.number, 12 | 18 | 20)
    }
}

fn operation(number: u32, fill: impl FnOnce(&mut Writer) -> &mut Writer) -> Operation {
    let mut arguments = Writer::default();
    fill(&mut arguments);
    Operation { number, arguments }
}

fn put(handle: &[u8]) -> Operation {
    operation(22, |to| to.opaque(handle))
}

fn get_handle() -> Operation {
    operation(10, |to| to)
}

/// What the server knows a client by, after [`Client::introduce`].
#[derive(Debug, Clone)]
pub struct Identity {
    id: u64,
}

/// An open file, and where its owner's sequence of requests stands.
#[derive(Debug, Clone)]
pub struct Open {
    /// The file's handle.
    pub file: Handle,
    state: Vec<u8>,
    sequence: u32,
}

/// A lock that is held.
#[derive(Debug, Clone)]
pub struct Lock {
    /// Its state id.
    pub state: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> std::io::Result<Self> {
        Rpc::connect(address, NFS, 4).map(Self)
    }

    /// How long an answer may take from now on.
    pub fn wait_at_most(&mut self, patience: Duration) {
        self.0.wait_at_most(patience);
    }

    /// Sends a compound; answers what follows the header of the last operation. All before it must have no results but
    /// handles and states that nobody wants.
    ///
    /// What a server asks to be asked later (§13.1.1.3) is asked later, as every client does.
    fn compound(&mut self, before: &[Operation], last: Operation) -> Result<Reader, Status> {
        let operations: Vec<_> = before.iter().chain([&last]).collect();
        let mut left = MOST_DELAYS;
        loop {
            match self.once(&operations, 0) {
                Err(Status::DELAY) if left > 0 && !last.in_sequence() => left -= 1,
                other => return other,
            }
            std::thread::sleep(DELAY);
        }
    }

    /// Sends operations; answers what follows their results, of which the last ones are not looked at.
    fn once(&mut self, operations: &[&Operation], unseen: usize) -> Result<Reader, Status> {
        let mut call = Writer::default();
        call.opaque(b"").u32(0).u32(u32::try_from(operations.len()).unwrap());
        for operation in operations {
            call.u32(operation.number);
            call.0.extend(&operation.arguments.0);
        }
        let mut reply = self.0.call(1, &call).map_err(|_| Status::NO_ANSWER)?;
        let (_status, _tag, _count) = (reply.u32(), reply.opaque(), reply.u32());
        for operation in &operations[..operations.len() - unseen] {
            assert_eq!(reply.u32(), operation.number);
            reply.status()?;
        }
        Ok(reply)
    }

    /// The handle of a path from the server's root.
    pub fn handle(&mut self, path: &str) -> Result<Handle, Status> {
        let names = path.split('/').filter(|name| !name.is_empty());
        let lookups = names.map(|name| operation(15, |to| to.opaque(name.as_bytes())));
        let walk: Vec<_> = [operation(24, |to| to)].into_iter().chain(lookups).collect();
        self.compound(&walk, get_handle()).map(|mut reply| reply.opaque())
    }

    /// The handle of a name in a directory.
    pub fn lookup(&mut self, directory: &[u8], name: &str) -> Result<Handle, Status> {
        let lookup = operation(15, |to| to.opaque(name.as_bytes()));
        self.compound(&[put(directory), lookup], get_handle())
            .map(|mut reply| reply.opaque())
    }

    /// The first kilobyte of a file.
    pub fn read(&mut self, file: &[u8]) -> Result<Vec<u8>, Status> {
        let read = operation(25, |to| to.fixed(&ANONYMOUS).u64(0).u32(1024));
        let mut reply = self.compound(&[put(file)], read)?;
        let _end = reply.u32();
        Ok(reply.opaque())
    }

    /// Writes at a file's beginning, onto the disk.
    pub fn write(&mut self, file: &[u8], contents: &[u8]) -> Result<(), Status> {
        self.write_as(file, &ANONYMOUS, contents)
    }

    /// Writes to a file that is open.
    pub fn write_open(&mut self, open: &Open, contents: &[u8]) -> Result<(), Status> {
        self.write_as(&open.file, &open.state, contents)
    }

    fn write_as(&mut self, file: &[u8], state: &[u8], contents: &[u8]) -> Result<(), Status> {
        let write = operation(38, |to| to.fixed(state).u64(0).u32(2).opaque(contents));
        self.compound(&[put(file)], write).map(drop)
    }

    /// Tells the server who is there: the same name and boot are the same client.
    pub fn introduce(&mut self, name: &str, boot: [u8; 8]) -> Result<Identity, Status> {
        let introduce = operation(35, |to| {
            to.fixed(&boot).opaque(name.as_bytes());
            // A callback that nobody answers: no delegations are given.
            to.u32(0x4000_0000).opaque(b"tcp").opaque(b"127.0.0.1.0.1").u32(1)
        });
        let mut reply = self.compound(&[], introduce)?;
        let (id, verifier) = (reply.u64(), reply.fixed(8));
        self.compound(&[], operation(36, |to| to.u64(id).fixed(&verifier)))?;
        Ok(Identity { id })
    }

    /// Opens a file for reading and writing. With `reclaim` it is one that was open before the server restarted.
    pub fn open(&mut self, who: &Identity, directory: &[u8], name: &str) -> Result<Open, Status> {
        self.open_by(who, directory, |to| to.u32(0).opaque(name.as_bytes()))
    }

    /// Opens again what was open before the server restarted.
    pub fn reclaim(&mut self, who: &Identity, file: &[u8]) -> Result<Open, Status> {
        self.open_by(who, file, |to| to.u32(1).u32(0))
    }

    fn open_by(
        &mut self,
        who: &Identity,
        at: &[u8],
        claim: impl FnOnce(&mut Writer) -> &mut Writer,
    ) -> Result<Open, Status> {
        let open = operation(18, |to| {
            // The first request of its owner; both accesses, nothing denied; not created.
            to.u32(0).u32(3).u32(0).u64(who.id).opaque(b"opener").u32(0);
            claim(to)
        });
        let mut reply = self.once(&[&put(at), &open, &get_handle()], 1)?;
        let state = reply.fixed(16);
        let (_atomic, _before, _after, flags) = (reply.u32(), reply.u64(), reply.u64(), reply.u32());
        let attributes = reply.u32();
        reply.fixed(4 * attributes as usize);
        assert_eq!(reply.u32(), 0, "no delegation is given");
        assert_eq!(reply.u32(), 10);
        reply.status()?;
        let file = reply.opaque();
        let mut open = Open {
            file,
            state,
            sequence: 1,
        };
        if flags & 2 != 0 {
            let confirm = operation(20, |to| to.fixed(&open.state).u32(open.sequence));
            open.state = self.compound(&[put(&open.file)], confirm)?.fixed(16);
            open.sequence += 1;
        }
        Ok(open)
    }

    /// Locks a whole file for writing. With `reclaim`, a lock that was held before the server restarted.
    pub fn lock(&mut self, who: &Identity, open: &mut Open, reclaim: bool) -> Result<Lock, Status> {
        let lock = operation(12, |to| {
            to.u32(2).u32(u32::from(reclaim)).u64(0).u64(u64::MAX).u32(1);
            to.u32(open.sequence)
                .fixed(&open.state)
                .u32(0)
                .u64(who.id)
                .opaque(b"locker")
        });
        open.sequence += 1;
        let mut reply = self.compound(&[put(&open.file)], lock)?;
        Ok(Lock { state: reply.fixed(16) })
    }

    /// Says that the client still lives.
    pub fn renew(&mut self, who: &Identity) -> Result<(), Status> {
        self.compound(&[], operation(30, |to| to.u64(who.id))).map(drop)
    }
}
