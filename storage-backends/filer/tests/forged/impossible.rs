//! What no handle opens, also from an address that the server allows.

use super::*;
use tombolo_ganesha::testing::Status;

/// What an admin exports beside the filer.
const BESIDE: u16 = 60_000;

/// Exports a directory of the machine's own file system, as an admin may, and answers the handle of a file there.
async fn beside(host: &Host) -> Handle {
    let directory = host.server.volume("of-the-machine");
    let file = host.server.directory().join("beside.conf");
    let text = format!(
        "EXPORT {{ Export_Id = {BESIDE}; Path = {}; Pseudo = /beside; Access_Type = RW; Squash = None; FSAL {{ Name = VFS; }} }}\n",
        directory.display()
    );
    std::fs::write(&file, text).unwrap();
    host.server.bus().add(&file, BESIDE).await.unwrap();
    host.server.v4().handle("/beside/file").unwrap()
}

#[tokio::test]
async fn an_export_opens_no_file_system_but_its_own() {
    for image in [Image::new as fn(u64) -> _, Image::ext4] {
        let Some((host, given)) = host(|| image(512 * MIB)).await else {
            return;
        };
        let own = number_of(&given);
        let foreign = beside(&host).await;
        let mut client = host.server.v4();
        assert_eq!(client.read(&foreign).unwrap(), b"of-the-machine");
        // An export opens the file system that its own directory is on, and no other that the server has.
        assert_eq!(client.read(&through(&foreign, own)), Err(Status::STALE));
        host.server.bus().remove(BESIDE).await.unwrap();
        // The handle is right: it names the file system, the file, and an export that there is.
        for export in [own, BESIDE] {
            assert_eq!(client.read(&through(&foreign, export)), Err(Status::STALE));
        }
        assert_eq!(client.read(&given).unwrap(), b"mine");
    }
}

#[tokio::test]
async fn without_any_export_no_handle_opens_anything() {
    let Some((host, given)) = host(|| Image::new(512 * MIB)).await else {
        return;
    };
    let root = host.stage.root();
    let theirs = subvolume(&root.join("theirs"));
    let forged = forged_btrfs(&given, &root.join("mine/file"), theirs, SUBVOLUME_ROOT);
    let mut client = host.server.v4();
    client.lookup(&forged, "file").unwrap();
    let own = stage::host::key("mine", "team", Access::ReadWrite);
    host.filer.revoke().unwrap().admit(&own, Admission::Cut).await.unwrap();
    for export in 0..=u16::MAX {
        let found = client.lookup(&through(&forged, export), "file");
        assert!(found.is_err(), "export {export}");
    }
}

fn number_of(handle: &[u8]) -> u16 {
    u16::from_be_bytes(handle[2..4].try_into().unwrap())
}
