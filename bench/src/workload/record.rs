//! `record`: one phone, offline, records as fast as it can.

use crate::crew::Crew;
use crate::district::{District, handsets};
use crate::error::BenchError;
use crate::figures::Figures;
use crate::meeting::meet;
use crate::orders::{News, Order};

use super::{Ground, figures, numbers, parameters};

/// Runs it.
pub(crate) fn run(ground: &Ground, records: u32) -> Result<Figures, BenchError> {
    let mut handsets = handsets(1, 0)?;
    let district = District::start(&ground.server_bin, &ground.folder, &mut handsets)?;
    let devices = numbers(&handsets);
    let mut crew = Crew::start(vec![handsets], &district.url(), ground.seed)?;
    // The phone has the catalogue and knows the time; from here on it has no signal.
    meet(&mut crew, &devices)?;
    let begun = district.begin(&mut crew)?;
    let order = Order::Record {
        devices,
        first: 0,
        count: records,
    };
    let heard = crew.all(&order)?;
    let costs = district.since(&begun, &mut crew)?;
    let parameters = parameters([("records", records.into()), ("seed", ground.seed)]);
    let mut figures = figures("record", parameters, &district, costs)?;
    for heard in heard {
        if let News::Recorded { seconds, .. } = heard.news {
            figures.wall_durable_s = Some(seconds);
        }
    }
    let traffic = figures.costs.round_trips;
    figures.promise(traffic == 0, || {
        format!("recording made {traffic} requests")
    });
    super::promise_counts(&mut figures, &mut crew, |_| records.into())?;
    crew.dismiss()?;
    Ok(figures)
}
