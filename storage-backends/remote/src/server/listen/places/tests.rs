use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Takes a place as somebody who may call does.
fn recognised(places: &Places, address: &str) -> Option<Place> {
    places.take(ip(address)).inspect(Place::recognised)
}

/// How many of them have still got their place.
fn kept(places: &Places, held: &[Place]) -> usize {
    let table = places.taken.table();
    held.iter()
        .filter(|place| table.held.contains_key(&place.number))
        .count()
}

#[test]
fn one_address_cannot_take_all_places() {
    let places = Places::new(5, 3);
    let mut held: Vec<_> = (0..5).filter_map(|_| recognised(&places, "2001:db8::1")).collect();
    assert_eq!(held.len(), 3);
    assert!(places.take(ip("2001:db8::ffff:1")).is_none(), "of the same /64");
    held.push(recognised(&places, "192.0.2.1").unwrap());
    held.push(recognised(&places, "::ffff:192.0.2.1").unwrap());
    assert!(places.take(ip("192.0.2.2")).is_none(), "all are taken");
    held.clear();
    assert!(places.take(ip("192.0.2.2")).is_some());
    let table = places.taken.table();
    assert!(table.held.is_empty(), "nothing is remembered of those who have gone");
}

#[test]
fn strangers_have_half_of_the_places_and_push_out_their_own() {
    let places = Places::new(8, 8);
    let callers = [recognised(&places, "192.0.2.1").unwrap()];
    let strangers: Vec<_> = (0..20).filter_map(|_| places.take(ip("192.0.2.2"))).collect();
    assert_eq!((kept(&places, &callers), kept(&places, &strangers)), (1, 4));
    assert_eq!(kept(&places, &strangers[16..]), 4, "the youngest stay");
    let newcomer = [places.take(ip("192.0.2.3")).unwrap()];
    let others: Vec<_> = (0..9).filter_map(|_| places.take(ip("192.0.2.2"))).collect();
    assert_eq!((kept(&places, &newcomer), kept(&places, &others)), (1, 3));
    // There is room for callers whatever strangers do.
    let more: Vec<_> = (0..3).filter_map(|_| recognised(&places, "192.0.2.4")).collect();
    assert_eq!(kept(&places, &more) + kept(&places, &callers), 4);
}

#[test]
fn strangers_of_the_callers_own_address_are_pushed_out_first() {
    let places = Places::new(100, 3);
    let strangers: Vec<_> = (0..3).filter_map(|_| places.take(ip("192.0.2.1"))).collect();
    let elsewhere = [places.take(ip("192.0.2.2")).unwrap()];
    let caller = [recognised(&places, "192.0.2.1").unwrap()];
    assert_eq!((kept(&places, &strangers), kept(&places, &elsewhere)), (2, 1));
    let more: Vec<_> = (0..9).filter_map(|_| places.take(ip("192.0.2.1"))).collect();
    assert_eq!((kept(&places, &caller), kept(&places, &more)), (1, 2));
}

#[tokio::test]
async fn whoever_loses_a_place_is_told_and_nobody_else() {
    let places = Places::new(4, 4);
    let (first, second) = (
        places.take(ip("192.0.2.1")).unwrap(),
        places.take(ip("192.0.2.1")).unwrap(),
    );
    let _third = places.take(ip("192.0.2.2")).unwrap();
    first.lost().await;
    let told = tokio::time::timeout(std::time::Duration::from_millis(20), second.lost()).await;
    assert!(told.is_err());
}
