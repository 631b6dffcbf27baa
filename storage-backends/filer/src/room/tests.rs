//! Sums.

use super::*;

/// Ids are made by the kernel alone; the top level's is the only one that can be named.
const TOP: SubvolumeId = SubvolumeId::TOP_LEVEL;

fn charged(used: u64, limit: Option<u64>) -> Charged {
    Charged { id: TOP, used, limit }
}

#[test]
fn what_exists_counts_by_its_limit_and_the_rest_by_what_is_charged() {
    let (alive, nobody) = (BTreeSet::from([TOP]), BTreeSet::new());
    for (charged, alive, sum) in [
        (charged(10, Some(100)), &alive, 100),
        (charged(130, Some(100)), &alive, 130),
        (charged(10, None), &alive, 10),
        (charged(10, Some(100)), &nobody, 10),
        (charged(10, None), &nobody, 10),
    ] {
        assert_eq!(promised(&[charged], alive, None), sum, "{charged:?}");
        assert_eq!(promised(&[charged, charged], alive, None), 2 * sum);
        assert_eq!(promised(&[charged], alive, Some(TOP)), 0);
    }
    let endless = charged(0, Some(u64::MAX));
    assert_eq!(promised(&[endless, endless], &alive, None), u64::MAX);
}

#[test]
fn what_fits_exactly_fits() {
    assert!(fits(10, 90, 100).is_ok() && fits(0, 100, 100).is_ok());
    for (bytes, promised) in [(11, 90), (1, 100), (u64::MAX, 1), (1, u64::MAX)] {
        let error = fits(bytes, promised, 100).unwrap_err();
        assert_eq!(error.class, Class::Full);
    }
}
