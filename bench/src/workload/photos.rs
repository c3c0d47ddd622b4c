//! `photos`: every phone sends a day's photos at once. Beside it stands what the same bytes take on the same disk as
//! plain copies that are durable one by one, and what they take over the loopback alone.

use std::time::Instant;

use crate::crew::Crew;
use crate::directory::{Directory, street_handsets};
use crate::district::District;
use crate::error::BenchError;
use crate::figures::{Figures, Unit};
use crate::loopback;
use crate::meeting::meet;
use crate::orders::{Exchange, News, Order};

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

/// Runs it.
pub(crate) fn run(ground: &Ground, album: Album) -> Result<Figures, BenchError> {
    let mut handsets = street_handsets(album.devices, 0)?;
    let directory = Directory::street(&handsets)?;
    let mut district = District::gridlog(ground, &directory, &mut handsets)?;
    let mut crew = Crew::start(by_grid(&handsets), &district.opening())?;
    let taken = photograph(&mut crew, album)?;
    meet(&mut crew, &numbers(&handsets))?;
    crew.dismiss()?;
    district.restart_server()?;
    let copying_s = district.copying_s(&taken)?;
    let loopback_s = loopback::carrying_s(taken.iter().sum())?;

    let mut crew = Crew::start(by_grid(&handsets), &district.opening())?;
    let begun = district.begin(&mut crew)?;
    let started = Instant::now();
    let heard = crew.all(&Order::SendPhotos)?;
    let wall_s = started.elapsed().as_secs_f64();
    let costs = district.since(&begun, &mut crew, Exchange::default())?;
    crew.dismiss()?;
    let parameters = parameters([
        ("devices", album.devices.into()),
        ("photos", album.photos.into()),
        ("bytes", album.bytes.into()),
        ("seed", ground.seed),
    ]);
    let mut figures = figures("photos", parameters, &district, costs)?;
    figures.wall_durable_s = Some(wall_s);
    let mut arrived = 0;
    for heard in heard {
        if let News::SentPhotos {
            device,
            photos,
            left,
        } = heard.news
        {
            arrived += photos;
            figures.promise(left == 0, || format!("phone {device} kept {left} photos"));
        }
    }
    let expected = taken.len() as u64;
    figures.promise(arrived == expected, || {
        format!("{arrived} of {expected} photos are on the server")
    });
    compare(&mut figures, &taken, (wall_s, copying_s, loopback_s));
    Ok(figures)
}

/// Every phone takes its photos; how many bytes each has as it will be sent.
fn photograph(crew: &mut Crew, album: Album) -> Result<Vec<u64>, BenchError> {
    let heard = crew.all(&Order::Photograph {
        photos: album.photos,
        bytes: album.bytes,
    })?;
    let taken = heard.into_iter().filter_map(|heard| match heard.news {
        News::Photographed { bytes, .. } => Some(bytes),
        _ => None,
    });
    Ok(taken.flatten().collect())
}

/// Beside copying, or the loopback where that is slower.
fn compare(figures: &mut Figures, taken: &[u64], (wall_s, copying_s, loopback_s): (f64, f64, f64)) {
    let slower_s = copying_s.max(loopback_s);
    let per_file = figures
        .costs
        .bytes_up
        .map(|up| share(up, taken.iter().sum()));
    if let Some(ratio) = per_file {
        figures.measure(
            "bytes_up_to_files",
            "bytes up to bytes of files 上行比",
            ratio,
            Unit::Ratio,
        );
    }
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
        figures.costs.bytes_up = Some(110);
        compare(&mut figures, &[60, 40], (2.0, 1.0, 0.5));
        let value = |name: &str| {
            let found = figures.measures.iter().find(|measure| measure.name == name);
            found.unwrap().value
        };
        assert_eq!(value("rate_to_copying"), 0.5);
        assert_eq!(value("bytes_up_to_files"), 1.1);
    }
}
