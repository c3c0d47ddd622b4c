//! `quiet`, `one-changed`, `initial`: one phone syncs with a district that has many records.

use std::time::Instant;

use gridlog_domain::id::RecordId;

use crate::crew::Crew;
use crate::district::{DEVICES_PER_GRID, District, handsets};
use crate::edits;
use crate::error::BenchError;
use crate::figures::Figures;
use crate::meeting::meet;
use crate::orders::{Edit, Field, Handset, News, Order};

use super::{Ground, measured, numbers, parameters, promise_counts};

/// Most bytes of a quiet sync, both ways together, HTTP heads included.
const QUIET_BYTES: u64 = 1_024;

/// What the phone comes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Situation {
    /// It is up to date, and nothing has changed.
    Quiet,
    /// It is up to date but for one record that somebody edited.
    OneChanged,
    /// It was enrolled a moment ago and has nothing.
    Initial,
}

impl Situation {
    const fn workload(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::OneChanged => "one-changed",
            Self::Initial => "initial",
        }
    }
}

/// Runs it.
pub(crate) fn run(
    ground: &Ground,
    situation: Situation,
    records: u32,
) -> Result<Figures, BenchError> {
    let mut handsets = handsets(DEVICES_PER_GRID, 1)?;
    let mut district = District::start(&ground.server_bin, &ground.folder, &mut handsets)?;
    let (guest, writers) = handsets
        .split_last()
        .ok_or(BenchError::TooManyDevices { asked: 1, most: 0 })?;
    let first = fill(ground, &district, (writers, guest), situation, records)?;
    district.restart_server()?;

    let editor = writers.get(..1).unwrap_or_default();
    let present = match situation {
        Situation::OneChanged => vec![vec![guest.clone()], editor.to_vec()],
        Situation::Quiet | Situation::Initial => vec![vec![guest.clone()]],
    };
    let mut crew = Crew::start(present, &district.url(), ground.seed)?;
    let mut made = Vec::new();
    let mut durable_s = None;
    if situation == Situation::OneChanged
        && let (Some(record), [editor]) = (first, editor)
    {
        made.push(Edit {
            device: editor.device,
            record,
            field: Field::Description,
            token: "<one-changed>".to_owned(),
        });
        crew.all(&Order::Edit {
            edits: made.clone(),
        })?;
        let started = Instant::now();
        let meeting = meet(&mut crew, &[editor.device])?;
        durable_s = Some((meeting.durable - started).as_secs_f64());
    }

    let begun = district.begin(&mut crew)?;
    let started = Instant::now();
    let meeting = meet(&mut crew, &[guest.device])?;
    let parameters = parameters([("records", records.into()), ("seed", ground.seed)]);
    let mut figures = measured(
        situation.workload(),
        parameters,
        &district,
        &mut crew,
        (&begun, meeting),
    )?;
    figures.wall_durable_s = durable_s;
    figures.wall_converged_s = Some((meeting.converged - started).as_secs_f64());
    promise_counts(&mut figures, &mut crew, |_| records.into())?;
    if !made.is_empty() {
        let both = [editor, std::slice::from_ref(guest)].concat();
        figures.edits_made = made.len() as u64;
        figures.edits_kept = edits::kept(&mut crew, &both, &made)?;
        let kept = figures.edits_kept == figures.edits_made;
        figures.promise(kept, || "the edit is not shown".to_owned());
    }
    if situation == Situation::Quiet {
        promise_quiet(&mut figures);
    }
    crew.dismiss()?;
    Ok(figures)
}

fn promise_quiet(figures: &mut Figures) {
    let trips = figures.costs.round_trips;
    figures.promise(trips == 1, || format!("a quiet sync took {trips} requests"));
    let bytes = figures.costs.bytes_up + figures.costs.bytes_down;
    figures.promise(bytes < QUIET_BYTES, || {
        format!("a quiet sync took {bytes} bytes, not less than {QUIET_BYTES}")
    });
}

/// The writers of the grid fill the district; the guest enrols and, unless it is to be a new phone,
/// comes up to date. Returns one of the records that the first writer wrote.
fn fill(
    ground: &Ground,
    district: &District,
    (writers, guest): (&[Handset], &Handset),
    situation: Situation,
    records: u32,
) -> Result<Option<RecordId>, BenchError> {
    let groups = vec![writers.to_vec(), vec![guest.clone()]];
    let mut crew = Crew::start(groups, &district.url(), ground.seed)?;
    let mut up_to_date = numbers(writers);
    let mut first = None;
    // The writers write side by side; what does not divide is the first one's.
    let (share, rest) = (records / DEVICES_PER_GRID, records % DEVICES_PER_GRID);
    let orders = [
        (up_to_date.clone(), 0, share),
        (up_to_date.iter().copied().take(1).collect(), share, rest),
    ];
    for (devices, number, count) in orders {
        let heard = crew.all(&Order::Record {
            devices,
            first: number,
            count,
        })?;
        for heard in heard {
            if let News::Recorded {
                device, records, ..
            } = heard.news
                && writers
                    .first()
                    .is_some_and(|writer| writer.device == device)
            {
                first = first.or(records.first().copied());
            }
        }
    }
    if situation != Situation::Initial {
        up_to_date.push(guest.device);
    }
    meet(&mut crew, &up_to_date)?;
    crew.dismiss()?;
    Ok(first)
}
