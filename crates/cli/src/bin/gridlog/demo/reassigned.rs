//! A worker moves to another grid while a visit still waits on the phone.
//!
//! The phone is one more than the demo's others, in a grid where none of them works. Morning: it
//! has its grid's records. Day: it records a visit without a server. Evening: the administrator
//! ends its assignment before it syncs, so the visit waits for the office; the duty officer lets it
//! in, and its author sees both.

use gridlog_cli::environment::SystemClock;
use gridlog_client_core::{NewVisit, PhoneError, Standing};
use gridlog_domain::environment::Clock as _;
use gridlog_domain::id::{AreaCode, PersonId, RecordId};
use gridlog_domain::record::Kind;
use gridlog_domain::reference::Role;
use serde::Serialize;

use super::morning::place;
use super::phone::DemoPhone;
use super::progress::Progress;
use super::stage::{Stage, someone};
use crate::error::CliError;

/// The columns of the file that an administrator imports.
const PEOPLE_COLUMNS: [&str; 9] = [
    "id",
    "name",
    "password",
    "role",
    "area",
    "department",
    "valid_from",
    "valid_to",
    "enabled",
];
/// What the worker is called from then on.
const NAME: &str = "调岗网格员";
/// When the assignment that ends had begun.
const SINCE: &str = "2025-01-01T00:00:00+08:00";

/// The code under which such work waits.
const REASON: &str = "assignment_ended";

/// What the phone holds before its worker moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moving {
    /// A record of the grid, by somebody else.
    pub(super) known: RecordId,
    /// The visit that waits on the phone.
    pub(super) visit: RecordId,
}

/// What the move leaves to be checked.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Reassigned {
    /// Whose phone it is.
    pub(super) person: String,
    /// The grid that was left.
    pub(super) from: AreaCode,
    /// The grid that was given.
    pub(super) to: AreaCode,
    /// The visit.
    pub(super) visit: RecordId,
    /// Where it stood on its author's phone after the sync that brought it.
    pub(super) waited: Option<Standing>,
    /// Why, by code, as the phone says.
    pub(super) why: Option<String>,
    /// What the office's decision came to, by code; empty if the office had nothing to decide.
    pub(super) decided: String,
    /// Where it stands after the next sync; nothing if the phone has lost it.
    pub(super) stands: Option<Standing>,
    /// Whether the old grid's other record is still on the phone.
    pub(super) old_grid_stayed: bool,
    /// How many records of the new grid have come.
    pub(super) new_grid_came: usize,
}

fn zh(standing: Option<Standing>) -> &'static str {
    standing.map_or("不在手机上", Standing::zh)
}

fn en(standing: Option<Standing>) -> &'static str {
    standing.map_or("not on the phone", Standing::en)
}

impl Reassigned {
    /// Whether the promise was kept; in words what was looked at, or what is broken.
    pub(super) fn finding(&self) -> Result<String, String> {
        let words = format!(
            "走访 the visit：{}（{}）→ {}，原网格记录 old grid's records: {}，新网格记录 new grid's: {}",
            zh(self.waited),
            self.why.as_deref().unwrap_or("—"),
            zh(self.stands),
            if self.old_grid_stayed {
                "仍在 still there"
            } else {
                "已离开手机 have left"
            },
            self.new_grid_came,
        );
        let kept = self.waited == Some(Standing::Review)
            && self.why.as_deref() == Some(REASON)
            && self.decided == "admitted"
            && self.stands == Some(Standing::InLog)
            && !self.old_grid_stayed
            && self.new_grid_came > 0;
        if kept { Ok(words) } else { Err(words) }
    }
}

/// Morning: the phone enrols and gets what its grid has: the record that is returned.
pub(super) fn arrive(stage: &Stage, progress: &Progress) -> Result<RecordId, CliError> {
    let office = stage.office();
    let acceptor = office.sign_in(&someone(&stage.street, Role::Acceptor)?, &stage.password)?;
    let mover = &stage.mover;
    let fields = [("type", "building"), ("name", "社区登记的楼栋")];
    let known = acceptor.begin(Kind::Site, &mover.grid, &fields)?;
    mover.enrol(&stage.password)?;
    mover.sync()?;
    if mover.phone.show(known)?.is_none() {
        return Err(PhoneError::UnknownRecord { record: known }.into());
    }
    progress.line(&format!(
        "{} 将在今天调离网格 {} will move to another grid today: {}",
        mover.person, mover.grid, mover.person
    ));
    Ok(known)
}

/// Day: a visit, recorded without a server.
pub(super) fn visit(mover: &mut DemoPhone, progress: &Progress) -> Result<RecordId, CliError> {
    let visit = mover.phone.visit(NewVisit {
        outcome: "met".to_owned(),
        purpose: Some("入户走访".to_owned()),
        notes: Some(mover.ledger.text("调岗前走访：住户反映楼道照明已修复。")),
        place: Some(place(mover)),
        ..NewVisit::default()
    })?;
    mover.ledger.records.push(visit);
    progress.line(&format!(
        "{} 离线记录一次走访，尚未同步 recorded a visit that is not synced yet",
        mover.person
    ));
    Ok(visit)
}

/// The file that ends a worker's assignment to one grid now and gives them another one.
fn move_file(person: &PersonId, from: &AreaCode, to: &AreaCode) -> String {
    let now = jiff::Timestamp::from_millisecond(SystemClock.now_ms())
        .unwrap_or_default()
        .to_string();
    let role = Role::GridWorker.code();
    let lines = [
        PEOPLE_COLUMNS,
        [
            person.as_str(),
            NAME,
            "",
            role,
            from.as_str(),
            "",
            SINCE,
            &now,
            "",
        ],
        [
            person.as_str(),
            NAME,
            "",
            role,
            to.as_str(),
            "",
            &now,
            "",
            "",
        ],
    ];
    // None of these values holds a comma or a quotation mark.
    lines.map(|line| line.join(",")).join("\n")
}

/// Evening: the worker is moved, the visit arrives late, the office decides.
pub(super) fn play(
    stage: &mut Stage,
    moving: Moving,
    progress: &Progress,
) -> Result<Reassigned, CliError> {
    let Moving { known, visit } = moving;
    let from = stage.mover.grid.clone();
    let to = stage.rogue_grid.clone();
    let office = stage.office();
    let sign_in = |role| office.sign_in(&someone(&stage.street, role)?, &stage.password);
    let file = move_file(&stage.mover.person, &from, &to);
    sign_in(Role::Administrator)?.import_people(&file)?;
    stage.mover.sync()?;
    let arrived = stage.mover.phone.show(visit)?;
    let waited = arrived.as_ref().map(|detail| detail.row.standing);
    let why = arrived.and_then(|detail| detail.changes.iter().find_map(|own| own.code.clone()));
    let officer = sign_in(Role::DutyOfficer)?;
    let waiting = officer
        .review()?
        .into_iter()
        .find(|item| item.record == visit && item.status == "review" && item.code == REASON);
    let decided = match waiting {
        Some(item) => officer.admit(&item.item, "调岗前完成，予以入卷")?,
        None => String::new(),
    };
    stage.mover.grid = to.clone();
    stage.mover.sync_until_decided()?;
    let mover = &stage.mover;
    let reassigned = Reassigned {
        person: mover.person.to_string(),
        from,
        visit,
        waited,
        why,
        decided,
        stands: mover.phone.show(visit)?.map(|detail| detail.row.standing),
        old_grid_stayed: mover.phone.show(known)?.is_some(),
        new_grid_came: mover.holds(&to)?,
        to,
    };
    progress.line(&format!(
        "{} 调往网格 {}，调岗前的走访：{} → {} \
         moved to another grid; the visit from before: {} → {}",
        reassigned.person,
        reassigned.to,
        zh(reassigned.waited),
        zh(reassigned.stands),
        en(reassigned.waited),
        en(reassigned.stands)
    ));
    Ok(reassigned)
}

#[cfg(test)]
mod tests {
    use gridlog_cli::environment::SystemEntropy;

    use super::*;

    fn kept() -> Reassigned {
        Reassigned {
            person: "W001".to_owned(),
            from: AreaCode::new("43011100300101"),
            to: AreaCode::new("43011100300102"),
            visit: RecordId::new(0, &mut SystemEntropy),
            waited: Some(Standing::Review),
            why: Some(REASON.to_owned()),
            decided: "admitted".to_owned(),
            stands: Some(Standing::InLog),
            old_grid_stayed: false,
            new_grid_came: 1,
        }
    }

    #[test]
    fn a_visit_that_is_lost_or_that_nobody_sees_waiting_breaks_the_promise() {
        assert!(kept().finding().is_ok());
        let broken = [
            Reassigned {
                stands: None,
                ..kept()
            },
            Reassigned {
                waited: Some(Standing::NeedsYou),
                ..kept()
            },
            Reassigned {
                why: None,
                ..kept()
            },
            Reassigned {
                old_grid_stayed: true,
                ..kept()
            },
        ];
        for reassigned in broken {
            assert!(reassigned.finding().is_err());
        }
    }
}
