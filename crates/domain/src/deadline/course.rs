//! A limit on its way: pauses, extensions, and how much of it is used up.

use serde::{Deserialize, Serialize};

use super::limit::{Deadline, Remainder};
use super::timetable::{Timetable, day_before};
use crate::reference::{Limit, LimitUnit};

/// A time during which a limit does not run: the case is suspended (挂账), or an approval is waited
/// for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it began, in milliseconds since the Unix epoch.
    pub from_ms: i64,
    /// When it ended; `None` while it lasts.
    pub to_ms: Option<i64>,
}

/// A limit that began to run, what was granted on top of it, and when it stood still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// When it began to run, in milliseconds since the Unix epoch.
    pub from_ms: i64,
    /// The limit, then each extension that was granted, in order. Each runs when the one before it
    /// has ended.
    pub limits: Vec<Limit>,
    /// When it stood still, in order and apart from each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
}

/// How urgent a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// 绿灯: there is time.
    Green,
    /// 黄灯: most of the time is gone.
    Yellow,
    /// 红灯: the time is over, or so little is left as the district says.
    Red,
}

impl Light {
    /// What people call it, in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Green => "绿灯",
            Self::Yellow => "黄灯",
            Self::Red => "红灯",
        }
    }

    /// Its code, which is what people call it in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }
}

/// From which share of a limit a light shows, in percent of its working time. A district sets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SharesForm")]
pub struct Shares {
    yellow: u8,
    red: u8,
}

#[derive(Deserialize)]
struct SharesForm {
    yellow: u8,
    red: u8,
}

/// Shares that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("yellow at {yellow} % and red at {red} % cannot be: 0 < yellow < red <= 100")]
pub struct SharesError {
    yellow: u8,
    red: u8,
}

impl Shares {
    /// Yellow and red from these shares on, in percent.
    ///
    /// # Errors
    /// [`SharesError`] unless 0 < yellow < red ≤ 100.
    pub const fn new(yellow: u8, red: u8) -> Result<Self, SharesError> {
        if 0 < yellow && yellow < red && red <= 100 {
            Ok(Self { yellow, red })
        } else {
            Err(SharesError { yellow, red })
        }
    }
}

impl TryFrom<SharesForm> for Shares {
    type Error = SharesError;

    fn try_from(form: SharesForm) -> Result<Self, SharesError> {
        Self::new(form.yellow, form.red)
    }
}

impl Default for Shares {
    /// Yellow when three quarters of the time are gone, red when all of it is.
    fn default() -> Self {
        Self {
            yellow: 75,
            red: 100,
        }
    }
}

impl Course {
    /// A limit that begins to run.
    pub fn begin(from_ms: i64, limit: Limit) -> Self {
        Self {
            from_ms,
            limits: vec![limit],
            pauses: Vec::new(),
        }
    }

    /// Whether it stands still.
    pub fn is_paused(&self) -> bool {
        self.pauses.last().is_some_and(|last| last.to_ms.is_none())
    }

    /// Lets it stand still from `at_ms` on. It changes nothing if it does.
    pub fn pause(&mut self, at_ms: i64) {
        if !self.is_paused() {
            self.pauses.push(Pause {
                from_ms: at_ms.max(self.last_turn_ms()),
                to_ms: None,
            });
        }
    }

    /// Lets it run again from `at_ms` on. It changes nothing if it runs.
    pub fn resume(&mut self, at_ms: i64) {
        if let Some(last) = self.pauses.last_mut()
            && last.to_ms.is_none()
        {
            last.to_ms = Some(at_ms.max(last.from_ms));
        }
    }

    /// Grants more time.
    pub fn extend(&mut self, limit: Limit) {
        self.limits.push(limit);
    }

    /// When it ends; `None` while it stands still, unless it had ended before.
    pub fn due(&self, timetable: &Timetable) -> Option<Deadline> {
        let mut left: Vec<Remainder> = self.limits.iter().copied().map(Into::into).collect();
        let mut from_ms = self.from_ms;
        for pause in &self.pauses {
            let due = end_of(timetable, from_ms, &left);
            if due.at_ms <= pause.from_ms {
                return Some(due);
            }
            use_up(timetable, &mut left, &mut from_ms, pause.from_ms);
            let unit = left.first().map(|limit| limit.unit);
            from_ms = went_on(timetable, unit, (from_ms, pause.from_ms), pause.to_ms?);
        }
        Some(end_of(timetable, from_ms, &left))
    }

    /// The share of its time that is gone at `now_ms`, in percent, and more than 100 beyond its end.
    /// Time is counted as the first limit counts it: working time, or around the clock. `None` while
    /// nobody can say, since it stands still.
    pub fn share_used(&self, timetable: &Timetable, now_ms: i64) -> Option<u64> {
        let due = self.due(timetable)?;
        let gone = self.running_ms(timetable, now_ms);
        let whole = self.running_ms(timetable, due.at_ms);
        let at_once = if now_ms < due.at_ms { 0 } else { 100 };
        let share = gone.saturating_mul(100).checked_div(whole);
        Some(share.unwrap_or(at_once))
    }

    /// Its light at `now_ms`; `None` while it stands still.
    pub fn light(&self, timetable: &Timetable, shares: Shares, now_ms: i64) -> Option<Light> {
        let due = self.due(timetable)?;
        let used = self.share_used(timetable, now_ms)?;
        Some(if now_ms >= due.at_ms || used >= u64::from(shares.red) {
            Light::Red
        } else if used >= u64::from(shares.yellow) {
            Light::Yellow
        } else {
            Light::Green
        })
    }

    /// How long it has run until `to_ms`, pauses left out.
    fn running_ms(&self, timetable: &Timetable, to_ms: i64) -> u64 {
        let of = |from_ms: i64, to_ms: i64| match self.limits.first().map(|limit| limit.unit) {
            Some(LimitUnit::WorkHour | LimitUnit::WorkDay) => timetable.open_ms(from_ms, to_ms),
            _ => u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(0),
        };
        let mut total = 0;
        let mut from_ms = self.from_ms;
        for pause in &self.pauses {
            total += of(from_ms, pause.from_ms.min(to_ms));
            from_ms = pause.to_ms.unwrap_or(i64::MAX);
        }
        total + of(from_ms, to_ms)
    }

    fn last_turn_ms(&self) -> i64 {
        self.pauses
            .last()
            .and_then(|last| last.to_ms)
            .unwrap_or(self.from_ms)
    }
}

fn end_of(timetable: &Timetable, from_ms: i64, limits: &[Remainder]) -> Deadline {
    let begin = Deadline {
        at_ms: from_ms,
        provisional: false,
    };
    limits.iter().fold(begin, |before, limit| {
        let due = timetable.due(before.at_ms, *limit);
        Deadline {
            provisional: before.provisional || due.provisional,
            ..due
        }
    })
}

/// Takes from the limits what is used up between two moments. The first one that is left began to run
/// at `from_ms` then.
fn use_up(timetable: &Timetable, left: &mut Vec<Remainder>, from_ms: &mut i64, to_ms: i64) {
    while let Some(limit) = left.first_mut() {
        let end_ms = timetable.due(*from_ms, *limit).at_ms;
        if end_ms > to_ms {
            limit.count -= timetable.used(limit.unit, *from_ms, to_ms);
            return;
        }
        left.remove(0);
        *from_ms = end_ms;
    }
}

/// From when a limit that ran from the first to the second moment, and goes on at `at_ms`, is counted.
///
/// Days are whole. The day on which a limit began does not count, so neither does the one on which it
/// goes on if it had not come further. Otherwise it had come to a day that counts, and goes on with
/// one: a pause over a cup of tea gains no day.
fn went_on(
    timetable: &Timetable,
    unit: Option<LimitUnit>,
    (from_ms, paused_ms): (i64, i64),
    at_ms: i64,
) -> i64 {
    let counts_days = matches!(unit, Some(LimitUnit::WorkDay | LimitUnit::NaturalDay));
    let day = timetable.day_of(at_ms);
    let had_come_further = timetable.day_of(from_ms) < timetable.day_of(paused_ms);
    if counts_days && had_come_further && at_ms < timetable.closing_ms(day) {
        timetable.closing_ms(day_before(day))
    } else {
        at_ms
    }
}
