//! Who may do what: read-only at the server, tenants apart, cut and restored.

use crate::lab::{key, read, with};
use tombolo_backend_api::{Access, Admission};
use tombolo_ganesha::testing::{Options, Status};

#[test]
fn a_tenant_reads_and_writes_and_another_only_reads() {
    with(
        "a_tenant_reads_and_writes_and_another_only_reads",
        Options::default(),
        async |lab| {
            let exporter = lab.ready().await;
            let owner = lab.export(&exporter, "vol", "owner", Access::ReadWrite).await;
            let reader = lab.export(&exporter, "vol", "reader", Access::ReadOnly).await;
            let client = lab.server.utility(4);
            assert_eq!(client.read(&owner.file()).unwrap(), b"vol");
            client
                .write(&format!("{}/new", owner.path()), b"from the owner")
                .unwrap();
            assert_eq!(
                client.read(&format!("{}/new", reader.path())).unwrap(),
                b"from the owner"
            );
            let refused = client.write(&format!("{}/other", reader.path()), b"x").unwrap_err();
            assert!(refused.contains("ROFS"), "{refused}");
            assert!(!owner.directory.join("other").exists());
            let mut raw = lab.server.v4();
            let file = raw.handle(&reader.file()).unwrap();
            assert_eq!(raw.write(&file, b"x"), Err(Status::ROFS));
        },
    );
}
