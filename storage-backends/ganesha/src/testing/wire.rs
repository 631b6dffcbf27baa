//! Remote procedure calls over TCP (RFC 5531) with XDR (RFC 4506), as far as the clients here need them.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A status of NFS that is not "ok".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Status(pub u32);

impl Status {
    pub const NOENT: Self = Self(2);
    pub const ACCESS: Self = Self(13);
    pub const ROFS: Self = Self(30);
    pub const STALE: Self = Self(70);
    pub const DELAY: Self = Self(10008);
    pub const DENIED: Self = Self(10010);
    pub const GRACE: Self = Self(10013);
    pub const BAD_STATEID: Self = Self(10025);
    pub const NO_GRACE: Self = Self(10033);
    /// The connection broke, or nobody answered.
    pub const NO_ANSWER: Self = Self(u32::MAX);
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NOENT => "NOENT",
            Self::ACCESS => "ACCESS",
            Self::ROFS => "ROFS",
            Self::STALE => "STALE",
            Self::DELAY => "DELAY",
            Self::DENIED => "DENIED",
            Self::GRACE => "GRACE",
            Self::BAD_STATEID => "BAD_STATEID",
            Self::NO_GRACE => "NO_GRACE",
            Self::NO_ANSWER => "no answer",
            Self(other) => return write!(f, "Status({other})"),
        };
        f.write_str(name)
    }
}

/// Writes XDR.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn fixed(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub(super) fn opaque(&mut self, bytes: &[u8]) -> &mut Self {
        self.u32(u32::try_from(bytes.len()).unwrap()).fixed(bytes)
    }
}

/// Reads XDR. An answer that ends too early is a failed test.
#[derive(Debug)]
pub(super) struct Reader {
    bytes: Vec<u8>,
    at: usize,
}

impl Reader {
    pub(super) fn fixed(&mut self, length: usize) -> Vec<u8> {
        let bytes = self.bytes[self.at..self.at + length].to_vec();
        self.at += length.next_multiple_of(4);
        bytes
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.fixed(4).try_into().unwrap())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.fixed(8).try_into().unwrap())
    }

    pub(super) fn opaque(&mut self) -> Vec<u8> {
        let length = self.u32() as usize;
        self.fixed(length)
    }

    /// A status; "ok" is nothing.
    pub(super) fn status(&mut self) -> Result<(), Status> {
        match self.u32() {
            0 => Ok(()),
            other => Err(Status(other)),
        }
    }
}

/// A connection to one program of a server, as uid 0 by its own word (AUTH_SYS).
#[derive(Debug)]
pub(super) struct Rpc {
    stream: TcpStream,
    program: u32,
    version: u32,
    xid: u32,
}

impl Rpc {
    pub(super) fn connect(address: SocketAddr, program: u32, version: u32) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            program,
            version,
            xid: 1,
        })
    }

    pub(super) fn wait_at_most(&mut self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).unwrap();
    }

    pub(super) fn call(&mut self, procedure: u32, arguments: &Writer) -> io::Result<Reader> {
        self.xid += 1;
        let mut credential = Writer::default();
        // A stamp, a machine's name, and uid, gid and no further groups.
        credential.u32(0).opaque(b"test").u32(0).u32(0).u32(0);
        let mut call = Writer::default();
        call.u32(self.xid)
            .u32(0)
            .u32(2)
            .u32(self.program)
            .u32(self.version)
            .u32(procedure);
        call.u32(1).opaque(&credential.0).u32(0).u32(0);
        call.0.extend(&arguments.0);
        let length = u32::try_from(call.0.len()).unwrap() | 0x8000_0000;
        self.stream.write_all(&[&length.to_be_bytes()[..], &call.0].concat())?;
        let mut reply = Reader {
            bytes: self.receive()?,
            at: 0,
        };
        let (xid, answer, accepted) = (reply.u32(), reply.u32(), reply.u32());
        let (_flavor, _verifier) = (reply.u32(), reply.opaque());
        match (xid == self.xid, answer, accepted, reply.u32()) {
            (true, 1, 0, 0) => Ok(reply),
            other => Err(io::Error::other(format!("the call is not accepted: {other:?}"))),
        }
    }

    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let mut mark = [0; 4];
            self.stream.read_exact(&mut mark)?;
            let mark = u32::from_be_bytes(mark);
            let mut fragment = vec![0; (mark & 0x7fff_ffff) as usize];
            self.stream.read_exact(&mut fragment)?;
            bytes.append(&mut fragment);
            if mark & 0x8000_0000 != 0 {
                return Ok(bytes);
            }
        }
    }
}
