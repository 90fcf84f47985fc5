//! How fast items move: what the network's meter says of its tags, in the border's words.

use crate::api::{RateSample, Rates};
use net::{Meter, Rate, Tag};
use store::index::ItemId;

/// By which the network counts an item's bytes.
pub(crate) fn tag(id: ItemId) -> Tag {
    Tag(id.0)
}

/// Over all, with the last minute.
pub(crate) fn of_all(meter: &Meter) -> Rates {
    let Rate { down, up } = meter.rate();
    Rates {
        down,
        up,
        history: samples(meter.history()),
    }
}

/// The last minute of one item.
pub(crate) fn history_of(meter: &Meter, id: ItemId) -> Vec<RateSample> {
    samples(meter.history_of(tag(id)))
}

fn samples(history: Vec<Rate>) -> Vec<RateSample> {
    let sample = |Rate { down, up }| RateSample(down, up);
    history.into_iter().map(sample).collect()
}
