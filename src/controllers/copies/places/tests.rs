use super::*;

fn places(per_namespace: usize, in_all: usize) -> Arc<Places> {
    Arc::new(Places::new(Bounds { per_namespace, in_all }))
}

/// What waits in a line: one for each of these namespaces.
fn take(places: &Arc<Places>, line: Line, waiting: &[&str]) -> Option<(usize, Place)> {
    let waiting: Vec<Namespace> = waiting.iter().map(|of| Namespace::new(*of)).collect();
    places.take(line, waiting.iter().enumerate())
}

#[test]
fn both_lines_together_have_no_more_than_there_are() {
    let all = places(2, 3);
    let a = take(&all, Line::Copies, &["a"]).unwrap();
    let _b = take(&all, Line::Takes, &["a"]).unwrap();
    assert!(take(&all, Line::Copies, &["a"]).is_none(), "a has two");
    let _c = take(&all, Line::Takes, &["b"]).unwrap();
    assert!(take(&all, Line::Takes, &["c"]).is_none(), "there are three");
    drop(a);
    assert!(take(&all, Line::Copies, &[]).is_none());
    assert!(take(&all, Line::Takes, &["c"]).is_some());
}

#[test]
fn a_line_waits_where_who_waits_in_the_other_has_fewer_or_had_a_turn_longer_ago() {
    let all = places(2, 2);
    let first = take(&all, Line::Copies, &["a", "a"]).unwrap();
    let _second = take(&all, Line::Copies, &["a"]).unwrap();
    assert!(take(&all, Line::Takes, &["b"]).is_none(), "there is no room");
    drop(first);
    assert!(take(&all, Line::Copies, &["a"]).is_none(), "it is b's turn");
    assert!(take(&all, Line::Takes, &["b"]).is_some());
}

#[test]
fn of_one_namespace_the_lines_take_turns() {
    let all = places(1, 1);
    let mut got = Vec::new();
    for _ in 0..6 {
        for line in [Line::Takes, Line::Copies, Line::Copies] {
            got.extend(take(&all, line, &["a", "a"]).map(|_| line));
        }
    }
    let both = |pair: &[Line]| pair[0] != pair[1];
    assert!(got.len() >= 6 && got.windows(2).all(both), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_may_go_on_is_told() {
    let soon = async |all: &Places, line| {
        let told = tokio::time::timeout(std::time::Duration::from_secs(1), all.changed(line)).await;
        told.is_ok()
    };
    let all = places(1, 1);
    let place = take(&all, Line::Copies, &["a"]).unwrap();
    assert!(soon(&all, Line::Takes).await, "what waited may not wait any more");
    assert!(!soon(&all, Line::Takes).await);
    assert!(take(&all, Line::Takes, &["b"]).is_none());
    assert!(soon(&all, Line::Copies).await);
    drop(place);
    assert!(
        soon(&all, Line::Copies).await && soon(&all, Line::Takes).await,
        "a place is free"
    );
    assert!(take(&all, Line::Copies, &["a"]).is_none(), "the other line is next");
    assert!(soon(&all, Line::Takes).await);
    assert!(take(&all, Line::Copies, &["a"]).is_none());
    assert!(take(&all, Line::Takes, &[]).is_none(), "it does not want it any more");
    assert!(soon(&all, Line::Copies).await);
    assert!(take(&all, Line::Copies, &["a"]).is_some());
}
