//! The record that an item would begin, for the office that decides on the item.

use gridlog_domain::id::AreaCode;
use gridlog_domain::record::RecordView;
use gridlog_merge_guard::{History, Limits, receive};
use gridlog_protocol::reason;

use super::decide::{done_at, home};
use crate::directory::Directory;
use crate::store::{ItemStatus, NewItem};

/// A record that has not begun.
#[derive(Debug, Clone)]
pub struct Begun {
    /// What it would say.
    pub view: RecordView,
    /// Where it would live; `None` if nobody knows its area any more.
    pub area: Option<AreaCode>,
}

impl Begun {
    /// Reads an item. `None` if it begins no record, or was not sound: a document is loaded of nothing
    /// else, since what was refused may have been made to do harm.
    pub fn read(item: &NewItem, directory: &Directory, limits: &Limits) -> Option<Self> {
        if !was_sound(&item.status) {
            return None;
        }
        let header = receive(&item.bytes, limits).ok()?;
        let history = History::load([item.bytes.as_slice()]).ok()?;
        let view = RecordView::read(history.document()).ok()?;
        let done = done_at(header.time_ms, item.offset_ms, item.received_ms);
        let area = home(directory, (&view.area, view.kind), &item.person, done.at_ms);
        let area = area.filter(|area| directory.areas.get(area).is_some());
        Some(Self { view, area })
    }
}

/// Whether an item was found sound before it was put where it is.
pub fn was_sound(status: &ItemStatus) -> bool {
    match status {
        ItemStatus::Review(_) => true,
        ItemStatus::Refused(code) => code == reason::AREA_NEVER_HELD,
        _ => false,
    }
}
