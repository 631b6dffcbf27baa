use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

fn run(line: &str) -> RunArgs {
    match parse(line).unwrap().command {
        Command::Run(args) => args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_flag_of_run_comes_from_the_environment_too() {
    let mut whole = Cli::command();
    whole.build();
    let run = whole.find_subcommand("run").unwrap();
    let mut flags = Vec::new();
    for arg in run.get_arguments() {
        let Some(flag) = arg.get_long().filter(|flag| !["help", "version"].contains(flag)) else {
            continue;
        };
        let expected = format!("TOMBOLO_{}", flag.to_uppercase().replace('-', "_"));
        assert_eq!(
            arg.get_env().and_then(|env| env.to_str()),
            Some(expected.as_str()),
            "--{flag}"
        );
        flags.push(flag);
    }
    flags.sort_unstable();
    assert_eq!(
        flags,
        [
            "copies",
            "copies-per-namespace",
            "copy-entries",
            "data-dir",
            "identity",
            "kubeconfig",
            "leader-election",
            "listen",
            "log",
            "log-format",
            "namespace",
            "revoke-grace",
            "sweep-interval",
            "trident-references",
            "validator",
            "workers"
        ]
    );
}

#[test]
fn what_run_does_unless_told_otherwise() {
    let args = run("tombolo run");
    assert_eq!(args.listen, "0.0.0.0:8080".parse().unwrap());
    assert!(args.leader_election && !args.trident_references && args.validator);
    assert_eq!((args.workers, args.sweep_interval), (32, Duration::from_secs(600)));
    assert_eq!(args.revoke_grace, Duration::from_secs(30));
    assert!(!args.process_name().is_empty());
    assert_eq!(args.copies(&Leadership::Alone), Settings::default());
}

#[test]
fn switches_take_a_value_after_an_equals_sign_or_none() {
    for (line, expected) in [
        ("tombolo run --leader-election=false", false),
        ("tombolo run --leader-election=true", true),
        ("tombolo run --leader-election", true),
    ] {
        assert_eq!(run(line).leader_election, expected, "{line}");
    }
    assert!(!run("tombolo run --validator=false").validator);
    assert!(run("tombolo run --trident-references --workers 4").trident_references);
}

#[test]
fn common_flags_stand_on_either_side_of_the_command() {
    for line in [
        "kubectl-tombolo --kubeconfig kc crd",
        "kubectl-tombolo crd --kubeconfig kc",
    ] {
        assert_eq!(parse(line).unwrap().common.kubeconfig, Some("kc".into()), "{line}");
    }
    assert_eq!(parse("tombolo run").unwrap().log_filter(), "info,nfs_rs=error");
    assert_eq!(parse("tombolo crd").unwrap().log_filter(), "warn");
    assert_eq!(parse("tombolo crd --log trace").unwrap().log_filter(), "trace");
}

#[test]
fn names_are_checked_before_anything_is_asked_of_the_cluster() {
    let good = [
        "tombolo explain pvc data -n team-a -o json",
        "tombolo explain storagebackend nas1",
        "tombolo explain sb nas1 -o json",
        "tombolo reclaim pvc-1 --to team-a/data",
        "tombolo trash list",
        "tombolo trash list --backend nas1",
        "tombolo trash restore pvc-1 --to team-a/data --backend nas1",
        "tombolo trash purge pvc-1",
        "tombolo crd --out crds",
        "tombolo run --listen [::]:9090 --sweep-interval 1h30m --revoke-grace 2m --namespace kube-system --identity a",
    ];
    for line in good {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let bad = [
        "tombolo",
        "tombolo explain pvc ../data -n team-a",
        "tombolo explain storagebackend ../nas1",
        "tombolo explain pvc data -n Team_A",
        "tombolo reclaim pvc-1",
        "tombolo reclaim pvc-1 --to data",
        "tombolo reclaim pvc-1 --to team-a/",
        "tombolo reclaim pvc-1 --to team-a/x/y",
        "tombolo trash purge ../../etc",
        "tombolo trash purge purging-pvc-1",
        "tombolo trash restore pvc-1",
        "tombolo trash list --backend a/b",
        "tombolo run --workers 0",
        "tombolo run --workers many",
        "tombolo run --sweep-interval 0s",
        "tombolo run --sweep-interval=-1m",
        "tombolo run --revoke-grace 0s",
        "tombolo run --revoke-grace soon",
        "tombolo run --leader-election=maybe",
        "tombolo run --leader-election false",
        "tombolo run --listen 8080",
        "tombolo run --identity=",
        "tombolo run --namespace a.b",
    ];
    for line in bad {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn durations_as_people_write_them() {
    for (text, seconds) in [
        ("1s", 1),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("24h", 86400),
    ] {
        assert_eq!(interval(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for bad in ["", "10", "500ms", "-1s", "1d", "soon", "99999999999999999999h"] {
        assert!(interval(bad).is_err(), "{bad}");
    }
}
