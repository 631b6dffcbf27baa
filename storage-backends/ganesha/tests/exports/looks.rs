//! Looking at exports beside whoever has their records: what differs is told, and nothing is changed.

use crate::lab::{Lab, with};
use tombolo_backend_api::{Access, Admission, Class};
use tombolo_ganesha::testing::Options;
use tombolo_ganesha::{Difference, Network, compare, recorded};

/// What differs on disk, and on the server.
async fn found(lab: &Lab) -> (Vec<Difference>, Vec<Difference>) {
    let compared = compare(&lab.config).await.unwrap();
    (compared.files, compared.server.unwrap())
}

#[test]
fn what_differs_is_told_and_nothing_is_changed() {
    with(Options::default(), async |mut lab| {
        assert_eq!(recorded(&lab.config).await.unwrap(), [], "before there are records");
        assert!(!lab.config.state.exists());
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let cut = lab.export(&exporter, "cut", "t", Access::ReadWrite).await;
        cut.admit(&exporter, Admission::Cut).await;
        assert_eq!(found(&lab).await, (vec![], vec![]));
        assert_eq!(recorded(&lab.config).await.unwrap(), exporter.exports().await.unwrap());
        let shown = lab.server.bus().shown().await;
        let (id, _) = shown.iter().find(|(_, path)| **path == export.path()).unwrap();

        let networks = lab.config.networks.clone();
        lab.config.networks.push(Network::parse("192.0.2.0/24").unwrap());
        let key = export.key.clone();
        let differing = (
            vec![Difference::File(key.clone())],
            vec![Difference::Wrong(key.clone())],
        );
        for _ in 0..2 {
            assert_eq!(found(&lab).await, differing);
        }
        lab.config.networks = networks;

        lab.server.bus().remove(*id).await.unwrap();
        assert_eq!(found(&lab).await, (vec![], vec![Difference::Missing(key)]));
        exporter.reconcile().await.unwrap();
        assert_eq!(found(&lab).await, (vec![], vec![]));

        std::fs::write(lab.config.state.join(format!("exports/{id}.json")), "{").unwrap();
        let (files, server) = found(&lab).await;
        assert!(
            matches!(&*files, [Difference::Damaged(1), Difference::Stray(_)]),
            "{files:?}"
        );
        assert!(
            matches!(&*server, [Difference::Stale(stale)] if stale.get() == *id),
            "{server:?}"
        );
        lab.server.kill();
        let away = compare(&lab.config).await.unwrap().server.unwrap_err();
        assert_eq!(away.class, Class::Waiting);
    });
}
