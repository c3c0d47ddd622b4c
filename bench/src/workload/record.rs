//! `record`: one phone, offline, records as fast as it can.

use crate::crew::Crew;
use crate::directory::{Directory, street_handsets};
use crate::district::District;
use crate::error::BenchError;
use crate::figures::Figures;
use crate::meeting::meet;
use crate::orders::{Exchange, News, Order};

use super::{Ground, figures, numbers, parameters, promise_counts, promise_memory};

/// Runs it.
pub(crate) fn run(ground: &Ground, records: u32) -> Result<Figures, BenchError> {
    let mut handsets = street_handsets(1, 0)?;
    let directory = Directory::street(&handsets)?;
    let district = District::gridlog(ground, &directory, &mut handsets)?;
    let devices = numbers(&handsets);
    let mut crew = Crew::start(vec![handsets], &district.opening())?;
    // The phone has the catalogue and knows the time; from here on it has no signal.
    meet(&mut crew, &devices)?;
    let begun = district.begin(&mut crew)?;
    let order = Order::Record {
        devices: devices.clone(),
        first: 0,
        count: records,
    };
    let heard = crew.all(&order)?;
    let costs = district.since(&begun, &mut crew, Exchange::default())?;
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
    promise_memory(&mut figures, 1);
    promise_counts(&mut figures, &mut crew, devices, |_| records.into())?;
    crew.dismiss()?;
    Ok(figures)
}
