use super::*;

fn text(metrics: &Metrics) -> String {
    metrics.encode().unwrap()
}

/// One of everything.
fn all() -> Metrics {
    let metrics = Metrics::new();
    let (class, backend) = (ClassName::new("gold"), BackendName::new("nas1"));
    metrics
        .provision(&class, Source::VolumeReference)
        .finish(Attempt::Succeeded);
    metrics.provision(&class, Source::Empty).finish(Attempt::Failed);
    metrics.delete(&class).finish(Attempt::Succeeded);
    metrics.delete(&class).finish(Attempt::Failed);
    metrics
        .backend_call(&backend, Operation::RemoveEmpty)
        .finish(Outcome::Ok);
    metrics.reconcile(Subject::SharedVolume).finish(Reconciled::Held);
    metrics.reconcile_failed(Subject::Claim, ErrorClass::Transient);
    metrics.queue_depth(Subject::Claim, 3);
    metrics.ledger(5, 2, 1);
    metrics.stuck(6);
    metrics.ledger_rebuilt(RebuildCause::Stale);
    metrics.event_dropped();
    metrics.sweep_found(Leftover::EmptyOrphan, 4);
    metrics.trash_entries(&backend, 9);
    metrics.purged(1000);
    metrics.purge_failed(&backend);
    metrics.copy().finish(CopyEnd::TooLarge);
    metrics.copied(4096, 7);
    metrics.copies(2, 5);
    metrics.resized(Resized::Refused);
    metrics.export_changed(&backend, ExportChange::ReadOnly);
    metrics.cuts_paused(&backend, true);
    metrics.served(ForeignKind::ReferenceGrant, Served::NotInstalled);
    metrics.leading(true);
    metrics.validated(Validity::Invalid);
    metrics.started(jiff::Timestamp::from_second(1_700_000_000).unwrap());
    metrics
}

#[test]
fn names_and_labels_are_what_dashboards_ask_for() {
    let text = text(&all());
    for line in [
        r#"controller_persistentvolumeclaim_provision_total{class="gold",source="VolumeReference"} 1"#,
        r#"controller_persistentvolumeclaim_provision_failed_total{class="gold",source=""} 1"#,
        r#"controller_persistentvolumeclaim_provision_duration_seconds_count{class="gold",source="VolumeReference"} 1"#,
        r#"controller_persistentvolume_delete_total{class="gold"} 1"#,
        r#"controller_persistentvolume_delete_failed_total{class="gold"} 1"#,
        r#"controller_persistentvolume_delete_duration_seconds_count{class="gold"} 1"#,
        "tombolo_copied_bytes_total 4096",
        "tombolo_copied_files_total 7",
        "tombolo_copies_running 2",
        "tombolo_copies_waiting 5",
        r#"tombolo_copy_duration_seconds_count{outcome="too_large"} 1"#,
        "tombolo_members 5",
        "tombolo_soft_deleted_volumes 2",
        "tombolo_open_intents 1",
        "tombolo_stuck_volumes 6",
        r#"tombolo_ledger_rebuilds_total{why="stale"} 1"#,
        r#"tombolo_backend_request_duration_seconds_count{backend="nas1",operation="remove_empty",outcome="ok"} 1"#,
        r#"tombolo_reconcile_duration_seconds_count{kind="shared_volume",outcome="held"} 1"#,
        r#"tombolo_reconcile_errors_total{kind="claim",class="transient"} 1"#,
        r#"tombolo_queue_depth{kind="claim"} 3"#,
        "tombolo_events_dropped_total 1",
        r#"tombolo_sweep_found_total{what="empty_orphan"} 4"#,
        r#"tombolo_trash_entries{backend="nas1"} 9"#,
        "tombolo_purged_files_total 1000",
        r#"tombolo_purges_failed_total{backend="nas1"} 1"#,
        r#"tombolo_resizes_total{outcome="refused"} 1"#,
        r#"tombolo_exports_changed_total{backend="nas1",what="read_only"} 1"#,
        r#"tombolo_cuts_paused{backend="nas1"} 1"#,
        r#"tombolo_foreign_kind{kind="ReferenceGrant",state="not_installed"} 1"#,
        r#"tombolo_foreign_kind{kind="ReferenceGrant",state="yes"} 0"#,
        "tombolo_leader 1",
        r#"tombolo_data_sources_validated_total{result="invalid"} 1"#,
        "process_start_time_seconds 1700000000",
    ] {
        assert!(text.lines().any(|found| found == line), "missing: {line}\n{text}");
    }
    assert!(!text.contains("_total_total") && text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn every_series_registered_is_one_that_a_method_reaches() {
    let text = text(&all());
    let described: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert_eq!(described.len(), 32, "{described:#?}");
    for line in described {
        let name = line.split(' ').next().unwrap();
        let samples = text
            .lines()
            .filter(|l| !l.starts_with('#') && l.starts_with(name))
            .count();
        assert!(samples > 0, "{name} has no sample");
    }
}

#[test]
fn label_words_do_not_change_by_accident() {
    fn words<E: VariantArray + Copy + Into<&'static str>>() -> String {
        let words: Vec<&'static str> = E::VARIANTS.iter().map(|v| (*v).into()).collect();
        words.join(" ")
    }
    assert_eq!(
        words::<Source>(),
        " VolumeReference PersistentVolumeClaim VolumeSnapshot"
    );
    assert_eq!(
        words::<Operation>(),
        "read_mark place_mark inspect create mount discard space list remove_empty trash restore purge forget \
         release exports admit admit_nodes clone_volume abandon_copy take_snapshot find_snapshot list_snapshots \
         remove_snapshot restore_snapshot resize_volume pinned measure_volume"
    );
    assert_eq!(
        words::<Outcome>(),
        "ok invalid denied waiting transient full too_large bug cancelled"
    );
    assert_eq!(
        words::<Subject>(),
        "claim volume reference backend shared_volume snapshot sweep"
    );
    assert_eq!(words::<Reconciled>(), "unchanged changed held failed cancelled");
    assert_eq!(words::<ErrorClass>(), "invalid denied waiting transient unknown bug");
    assert_eq!(
        words::<Leftover>(),
        "soft_deleted token hold intent empty_orphan orphan orphan_snapshot expired_trash"
    );
    assert_eq!(words::<ExportChange>(), "cut read_only restored made released");
    assert_eq!(words::<Validity>(), "empty pvc snapshot populator invalid error");
    assert_eq!(words::<RebuildCause>(), "missing stale corrupt");
    assert_eq!(words::<Resized>(), "succeeded refused");
    assert_eq!(words::<CopyEnd>(), "succeeded failed too_large stopped cancelled");
}

#[test]
fn va_13_each_result_of_the_validator_is_counted_for_itself_and_the_process_says_since_when_it_counts() {
    let metrics = all();
    for result in Validity::VARIANTS {
        metrics.validated(*result);
    }
    let text = text(&metrics);
    for result in Validity::VARIANTS {
        let count = if *result == Validity::Invalid { 2 } else { 1 };
        let word: &str = result.into();
        let line = format!("tombolo_data_sources_validated_total{{result=\"{word}\"}} {count}");
        assert!(text.lines().any(|found| found == line), "missing: {line}\n{text}");
    }
    assert!(text.contains("process_start_time_seconds 1700000000"), "{text}");
}

#[test]
fn a_timer_that_is_dropped_still_counts() {
    let metrics = Metrics::new();
    let class = ClassName::new("gold");
    drop(metrics.provision(&class, Source::Empty));
    drop(metrics.reconcile(Subject::Claim));
    drop(metrics.backend_call(&BackendName::new("nas1"), Operation::Create));
    let text = text(&metrics);
    for line in [
        r#"controller_persistentvolumeclaim_provision_failed_total{class="gold",source=""} 1"#,
        r#"tombolo_reconcile_duration_seconds_count{kind="claim",outcome="cancelled"} 1"#,
        r#"tombolo_backend_request_duration_seconds_count{backend="nas1",operation="create",outcome="cancelled"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "missing: {line}\n{text}");
    }
}

#[test]
fn a_removed_backend_leaves_no_series_and_clones_count_into_one() {
    let metrics = all();
    let other = BackendName::new("nas2");
    metrics
        .clone()
        .backend_call(&other, Operation::Create)
        .finish(Outcome::Full);
    metrics.forget_backend(&BackendName::new("nas1"));
    let text = text(&metrics);
    assert!(!text.contains("nas1") && text.contains("nas2"), "{text}");
}
