//! What is known of the copies of a volume.

use super::record;
use crate::domain::ids::VolumeId;
use crate::domain::pv::Pv;
use crate::domain::record::Record;
use crate::domain::token::TokenKind;
use crate::plan::testing;
use crate::plan::volume::{Copies, Known};
use proptest::option;
use proptest::prelude::*;

/// Of a copy, whichever it is.
pub(super) fn known() -> impl Strategy<Value = Known> {
    (
        option::weighted(0.7, record()),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(record, twins, given_up)| Known {
            record,
            twins,
            given_up,
        })
}

/// Of the copies whose tokens are on a volume.
pub(super) fn of(pv: Option<&Pv>, known: Vec<Known>, into_this: bool) -> Copies {
    let tokens = pv.into_iter().flat_map(|pv| pv.tokens.keys());
    let copying = tokens.filter(|token| token.kind == TokenKind::Copying).cloned();
    let of_this = copying.zip(known).map(|(token, known)| {
        let claim = token.claim.as_str().replacen('-', "/", 1);
        let own = testing::record(&claim);
        let record = known.record.map(|r| Record {
            volume: VolumeId::from(&token.claim.pv_name()),
            handle: own.handle,
            owner: own.owner,
            members: Default::default(),
            ..r
        });
        (token, Known { record, ..known })
    });
    Copies {
        of_this: of_this.collect(),
        into_this,
    }
}
