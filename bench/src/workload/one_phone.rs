//! `quiet`, `one-changed`, `initial`: one phone syncs with a district that has many records.

use std::time::Instant;

use gridlog_domain::id::RecordId;

use crate::crew::Crew;
use crate::directory::{DEVICES_PER_GRID, Directory, street_handsets};
use crate::district::District;
use crate::edits;
use crate::error::BenchError;
use crate::figures::{Figures, Unit};
use crate::meeting::{Meeting, meet, settle};
use crate::orders::{Edit, Exchange, Field, Handset, News, Order};
use crate::packed;

use super::{Ground, measured, numbers, parameters, promise_counts, promise_memory};

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

/// The edit of a run in which one record changes.
struct Changed {
    edit: Edit,
    /// How long the phone that made it took until it was durable on the server.
    durable_s: f64,
    /// What that phone's sync took.
    exchange: Exchange,
}

/// Runs it.
pub(crate) fn run(
    ground: &Ground,
    situation: Situation,
    records: u32,
) -> Result<Figures, BenchError> {
    let mut handsets = street_handsets(DEVICES_PER_GRID, 1)?;
    let directory = Directory::street(&handsets)?;
    let mut district = District::gridlog(ground, &directory, &mut handsets)?;
    let (guest, writers) = handsets
        .split_last()
        .ok_or(BenchError::TooManyDevices { asked: 1, most: 0 })?;
    let ids = fill(&district, (writers, guest), situation, records)?;
    district.restart_server()?;

    let editor = writers.get(..1).unwrap_or_default();
    let present = match situation {
        Situation::OneChanged => vec![vec![guest.clone()], editor.to_vec()],
        Situation::Quiet | Situation::Initial => vec![vec![guest.clone()]],
    };
    let mut crew = Crew::start(present, &district.opening())?;
    let changed = match (situation, ids.first(), editor) {
        (Situation::OneChanged, Some((_, _, record)), [editor]) => {
            Some(change(&mut crew, editor.device, *record)?)
        }
        _ => None,
    };

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
    figures.wall_converged_s = Some((meeting.converged - started).as_secs_f64());
    promise_memory(&mut figures, 1);
    let devices = vec![guest.device];
    promise_counts(&mut figures, &mut crew, devices, |_| records.into())?;
    match situation {
        Situation::Quiet => {
            measure_body(&mut figures, meeting);
            promise_quiet(&mut figures);
        }
        Situation::OneChanged => {
            measure_body(&mut figures, meeting);
            let both = [editor, std::slice::from_ref(guest)].concat();
            promise_shown(&mut figures, &mut crew, &both, changed)?;
        }
        Situation::Initial => packed::measure(&mut figures, ground.seed, writers, &ids)?,
    }
    crew.dismiss()?;
    Ok(figures)
}

/// Runs it with several numbers of records, one after the other, and adds how much more a sync
/// takes with each than with the first.
pub(crate) fn run_quiet(ground: &Ground, records: &[u32]) -> Result<Vec<Figures>, BenchError> {
    let mut all: Vec<Figures> = Vec::new();
    for records in records {
        let mut figures = run(ground, Situation::Quiet, *records)?;
        if let Some(first) = all.first() {
            let growth = body_bytes(&figures) - body_bytes(first);
            let label = "body more than with the first 增长";
            figures.measure("body_growth_bytes", label, growth, Unit::Bytes);
        }
        all.push(figures);
    }
    Ok(all)
}

/// A phone edits a record and syncs.
fn change(crew: &mut Crew, device: u32, record: RecordId) -> Result<Changed, BenchError> {
    let edit = Edit {
        device,
        record,
        field: Field::Description,
        token: "<one-changed>".to_owned(),
    };
    crew.all(&Order::Edit {
        edits: vec![edit.clone()],
    })?;
    let started = Instant::now();
    let meeting = meet(crew, &[device])?;
    Ok(Changed {
        edit,
        durable_s: (meeting.durable - started).as_secs_f64(),
        exchange: meeting.exchange,
    })
}

fn promise_shown(
    figures: &mut Figures,
    crew: &mut Crew,
    both: &[Handset],
    changed: Option<Changed>,
) -> Result<(), BenchError> {
    let made: Vec<Edit> = changed.iter().map(|changed| changed.edit.clone()).collect();
    if let Some(changed) = changed {
        figures.wall_durable_s = Some(changed.durable_s);
        let body = sum(changed.exchange.body_up, changed.exchange.body_down);
        let label = "body both ways of the editor 修改方正文";
        figures.measure("editor_body_bytes", label, body, Unit::Bytes);
    }
    figures.edits_made = made.len() as u64;
    figures.edits_kept = edits::kept(crew, both, &made)?;
    let kept = figures.edits_kept == 1;
    figures.promise(kept, || "the edit is not shown".to_owned());
    Ok(())
}

fn measure_body(figures: &mut Figures, meeting: Meeting) {
    let body = sum(meeting.exchange.body_up, meeting.exchange.body_down);
    figures.measure("body_bytes", "body both ways 双向正文", body, Unit::Bytes);
}

fn body_bytes(figures: &Figures) -> f64 {
    sum(figures.costs.body_up, figures.costs.body_down)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the bytes of one phone; the loss begins at petabytes"
)]
const fn sum(up: u64, down: u64) -> f64 {
    (up + down) as f64
}

fn promise_quiet(figures: &mut Figures) {
    let trips = figures.costs.round_trips;
    figures.promise(trips == 1, || format!("a quiet sync took {trips} requests"));
    let (up, down) = (figures.costs.bytes_up, figures.costs.bytes_down);
    let bytes = up.unwrap_or_default() + down.unwrap_or_default();
    figures.promise(bytes < QUIET_BYTES, || {
        format!("a quiet sync took {bytes} bytes, not less than {QUIET_BYTES}")
    });
}

/// The device that wrote a record, the record's number there, and its id.
pub(crate) type Written = (u32, u32, RecordId);

/// The writers of the grid fill the district; the guest enrols. Then whoever is to be up to date
/// comes up to date: the guest, unless it is to be a new phone, and whoever will edit.
fn fill(
    district: &District,
    (writers, guest): (&[Handset], &Handset),
    situation: Situation,
    records: u32,
) -> Result<Vec<Written>, BenchError> {
    let groups = vec![writers.to_vec(), vec![guest.clone()]];
    let mut crew = Crew::start(groups, &district.opening())?;
    let devices = numbers(writers);
    // They know the catalogue and the time before they write, as phones in the field do.
    settle(&mut crew, &devices)?;
    let mut written = Vec::new();
    // The writers write side by side; what does not divide is the first one's.
    let (share, rest) = (records / DEVICES_PER_GRID, records % DEVICES_PER_GRID);
    let orders = [
        (devices.clone(), 0, share),
        (devices.iter().copied().take(1).collect(), share, rest),
    ];
    for (devices, first, count) in orders {
        let heard = crew.all(&Order::Record {
            devices,
            first,
            count,
        })?;
        for heard in heard {
            if let News::Recorded {
                device, records, ..
            } = heard.news
            {
                let numbered = (first..).zip(records);
                written.extend(numbered.map(|(number, id)| (device, number, id)));
            }
        }
    }
    settle(&mut crew, &devices)?;
    let up_to_date: Vec<u32> = match situation {
        Situation::Initial => Vec::new(),
        Situation::Quiet => vec![guest.device],
        Situation::OneChanged => devices.into_iter().take(1).chain([guest.device]).collect(),
    };
    meet(&mut crew, &up_to_date)?;
    crew.dismiss()?;
    written.sort_unstable();
    Ok(written)
}
