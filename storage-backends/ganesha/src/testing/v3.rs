//! NFS version 3 (RFC 1813) by hand: the handle that MOUNT gives, and what can be done with any handle.

use super::wire::{Rpc, Status, Writer};
use std::net::SocketAddr;

const NFS: u32 = 100_003;
const MOUNT: u32 = 100_005;
const ATTRIBUTES: usize = 84;

/// A client that keeps no state.
#[derive(Debug)]
pub struct Client {
    nfs: Rpc,
    mount: Rpc,
}

impl Client {
    pub fn connect(nfs: SocketAddr, mount: SocketAddr) -> std::io::Result<Self> {
        Ok(Self {
            nfs: Rpc::connect(nfs, NFS, 3)?,
            mount: Rpc::connect(mount, MOUNT, 3)?,
        })
    }

    /// The handle of an export's root.
    pub fn mount(&mut self, path: &str) -> Result<Vec<u8>, Status> {
        let mut arguments = Writer::default();
        arguments.opaque(path.as_bytes());
        let mut reply = self.mount.call(1, &arguments).map_err(|_| Status::NO_ANSWER)?;
        reply.status()?;
        Ok(reply.opaque())
    }

    /// The paths of the exports that the server tells of, as showmount(8) prints them.
    pub fn exports(&mut self) -> Result<Vec<String>, Status> {
        let mut reply = self.mount.call(5, &Writer::default()).map_err(|_| Status::NO_ANSWER)?;
        let mut paths = vec![];
        while reply.u32() == 1 {
            paths.push(String::from_utf8(reply.opaque()).unwrap());
            // The names of those who may mount it.
            while reply.u32() == 1 {
                reply.opaque();
            }
        }
        Ok(paths)
    }

    /// The handle of a name in a directory.
    pub fn lookup(&mut self, directory: &[u8], name: &str) -> Result<Vec<u8>, Status> {
        let mut arguments = Writer::default();
        arguments.opaque(directory).opaque(name.as_bytes());
        let mut reply = self.nfs.call(3, &arguments).map_err(|_| Status::NO_ANSWER)?;
        reply.status()?;
        Ok(reply.opaque())
    }

    /// The first kilobyte of a file.
    pub fn read(&mut self, file: &[u8]) -> Result<Vec<u8>, Status> {
        let mut arguments = Writer::default();
        arguments.opaque(file).u64(0).u32(1024);
        let mut reply = self.nfs.call(6, &arguments).map_err(|_| Status::NO_ANSWER)?;
        reply.status()?;
        if reply.u32() == 1 {
            reply.fixed(ATTRIBUTES);
        }
        let (_count, _end) = (reply.u32(), reply.u32());
        Ok(reply.opaque())
    }

    /// Writes at a file's beginning, onto the disk.
    pub fn write(&mut self, file: &[u8], contents: &[u8]) -> Result<(), Status> {
        let mut arguments = Writer::default();
        arguments
            .opaque(file)
            .u64(0)
            .u32(u32::try_from(contents.len()).unwrap())
            .u32(2)
            .opaque(contents);
        self.nfs.call(7, &arguments).map_err(|_| Status::NO_ANSWER)?.status()
    }
}
