//! `photos`: every phone sends a day's photos at once, twice: photos whose bytes and requests are counted, and as many
//! others that are timed. Beside it stands what the same bytes take on the same disk as plain copies that are durable
//! one by one, and what they take over the loopback alone.

use std::time::Instant;

use crate::crew::Crew;
use crate::directory::{Directory, street_handsets};
use crate::district::District;
use crate::error::BenchError;
use crate::figures::{Costs, Figures, Unit};
use crate::loopback;
use crate::meeting::meet;
use crate::orders::{Exchange, Film, Handset, News, Opening, Order};

use super::{Ground, by_grid, figures, numbers, parameters};

/// How many photos there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Album {
    /// Phones.
    pub(crate) devices: u32,
    /// Photos on each of them.
    pub(crate) photos: u32,
    /// About how many bytes each has.
    pub(crate) bytes: u32,
}

/// How phones reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Through the proxy, which counts.
    Counted,
    /// By themselves: the proxy would take its share of the processor.
    Timed,
}

/// What a sending was.
struct Sending {
    taken: Vec<u64>,
    wall_s: f64,
    costs: Costs,
    /// Photos on the server, of this sending and those before.
    arrived: u64,
    left: u64,
}

/// Runs it.
pub(crate) fn run(ground: &Ground, album: Album) -> Result<Figures, BenchError> {
    let mut handsets = street_handsets(album.devices, 0)?;
    let directory = Directory::street(&handsets)?;
    let mut district = District::gridlog(ground, &directory, &mut handsets)?;
    let counted = send(&mut district, &handsets, album, Way::Counted)?;
    let timed = send(&mut district, &handsets, album, Way::Timed)?;
    let copying_s = district.copying_s(&timed.taken)?;
    let loopback_s = loopback::carrying_s(timed.taken.iter().sum())?;
    let parameters = parameters([
        ("devices", album.devices.into()),
        ("photos", album.photos.into()),
        ("bytes", album.bytes.into()),
        ("seed", ground.seed),
    ]);
    let costs = Costs {
        round_trips: counted.costs.round_trips,
        bytes_up: counted.costs.bytes_up,
        bytes_down: counted.costs.bytes_down,
        ..timed.costs
    };
    let mut figures = figures("photos", parameters, &district, costs)?;
    figures.wall_durable_s = Some(timed.wall_s);
    figures.promise(counted.left + timed.left == 0, || {
        format!("phones kept {} photos", counted.left + timed.left)
    });
    let expected = (counted.taken.len() + timed.taken.len()) as u64;
    figures.promise(timed.arrived == expected, || {
        format!("{} of {expected} photos are on the server", timed.arrived)
    });
    compare_bytes(&mut figures, &counted);
    compare(&mut figures, (timed.wall_s, copying_s, loopback_s));
    Ok(figures)
}

/// Every phone takes photos of its own and sends them.
fn send(
    district: &mut District,
    handsets: &[Handset],
    album: Album,
    way: Way,
) -> Result<Sending, BenchError> {
    let mut crew = Crew::start(by_grid(handsets), &opening(district, way))?;
    let taken = photograph(&mut crew, album, way)?;
    meet(&mut crew, &numbers(handsets))?;
    crew.dismiss()?;
    district.restart_server()?;

    let mut crew = Crew::start(by_grid(handsets), &opening(district, way))?;
    let begun = district.begin(&mut crew)?;
    let started = Instant::now();
    let heard = crew.all(&Order::SendPhotos)?;
    let wall_s = started.elapsed().as_secs_f64();
    let costs = district.since(&begun, &mut crew, Exchange::default())?;
    crew.dismiss()?;
    let (mut arrived, mut left) = (0, 0);
    for heard in heard {
        if let News::SentPhotos {
            photos, left: kept, ..
        } = heard.news
        {
            arrived += photos;
            left += kept;
        }
    }
    Ok(Sending {
        taken,
        wall_s,
        costs,
        arrived,
        left,
    })
}

fn opening(district: &District, way: Way) -> Opening {
    match way {
        Way::Counted => district.opening(),
        Way::Timed => district.direct_opening(),
    }
}

/// Every phone takes its photos; how many bytes each has as it will be sent.
fn photograph(crew: &mut Crew, album: Album, way: Way) -> Result<Vec<u64>, BenchError> {
    let heard = crew.all(&Order::Photograph(Film {
        photos: album.photos,
        bytes: album.bytes,
        first: match way {
            Way::Counted => 0,
            Way::Timed => album.photos * album.devices,
        },
    }))?;
    let taken = heard.into_iter().filter_map(|heard| match heard.news {
        News::Photographed { bytes, .. } => Some(bytes),
        _ => None,
    });
    Ok(taken.flatten().collect())
}

/// What was sent beside what there was to send.
fn compare_bytes(figures: &mut Figures, counted: &Sending) {
    if let Some(up) = counted.costs.bytes_up {
        figures.measure(
            "bytes_up_to_files",
            "bytes up to bytes of files 上行比",
            share(up, counted.taken.iter().sum()),
            Unit::Ratio,
        );
    }
}

/// Beside copying, or the loopback where that is slower.
fn compare(figures: &mut Figures, (wall_s, copying_s, loopback_s): (f64, f64, f64)) {
    let slower_s = copying_s.max(loopback_s);
    figures.measure(
        "copying_s",
        "copied durably 逐个落盘复制",
        copying_s,
        Unit::Seconds,
    );
    figures.measure(
        "loopback_s",
        "over the loopback alone 仅回环",
        loopback_s,
        Unit::Seconds,
    );
    let rate = slower_s / wall_s.max(f64::EPSILON);
    figures.measure(
        "rate_to_copying",
        "rate to that of copying 速率比",
        rate,
        Unit::Ratio,
    );
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio of bytes; the loss begins at petabytes"
)]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::nothing;

    #[test]
    fn the_rate_is_compared_with_the_slower_of_disk_and_loopback() {
        let mut figures = nothing("photos");
        compare(&mut figures, (2.0, 1.0, 0.5));
        let mut found = figures.measures.iter();
        let rate = found.find(|measure| measure.name == "rate_to_copying");
        assert_eq!(rate.unwrap().value, 0.5);
    }
}
