//! What a phone that stays in sync does next, without I/O: time, randomness and news come in.

use crate::pace::{Hold, Pacer};

/// How often a phone syncs whose line is not open, in milliseconds; up to twice as long, at random.
const WITHOUT_A_LINE_MS: u64 = 5 * 60 * 1_000;
/// How soon it asks again for what the server has not decided, in milliseconds; each further time
/// twice as long. Decisions that let something in wake it; others do not.
const FOR_DECISIONS_MS: u64 = 2_000;
/// The longest that gets.
const FOR_DECISIONS_MOST_MS: u64 = 5 * 60 * 1_000;
/// How long a phone waits after a sync that brought nothing, in milliseconds; up to twice as long, at
/// random. A line that wakes it for nothing does not keep it busy.
const AFTER_NOTHING_MS: u64 = 1_000;
/// The least time between two lines, in milliseconds, whatever the server says.
const BETWEEN_LINES_MS: u64 = 1_000;
/// For so long, in milliseconds, a line stands before the ones that did not are forgiven. A server says
/// something every 25 seconds.
const STANDS_MS: i64 = 20_000;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Sync,
    Listen,
    /// Nothing for so many milliseconds, unless something happens.
    Wait(Option<u64>),
}

/// How a sync came out that reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Synced {
    /// Whether everything was sent and pulled.
    pub(super) complete: bool,
    /// Whether it brought anything, here or there.
    pub(super) progressed: bool,
    /// Whether the server has things from here that it will decide on soon.
    pub(super) undecided: bool,
    /// Whether something from here waits for an office, or for what others have to do.
    pub(super) waits_for_others: bool,
}

/// How a line came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// The server ended it, and may have said when to come back, in milliseconds.
    Closed { comes_back_ms: Option<u64> },
    /// The server did not open it, and may have said when to come back, in milliseconds.
    Refused { retry_after_ms: Option<u64> },
    /// It broke, or no server was reached.
    Broken,
    /// There is no line by this way.
    Impossible,
}

/// Where the line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Down,
    /// Open, or about to be.
    Up,
    Impossible,
}

/// What is due, and when.
#[derive(Debug)]
pub(super) struct Duty {
    syncs: Pacer,
    calls: Pacer,
    line: Line,
    /// Whether there is something to send or to pull.
    wants: bool,
    /// When to sync without being asked.
    due_ms: Option<i64>,
    /// How often what is undecided was asked for again.
    looks: u32,
    has_synced: bool,
    /// When the line was opened.
    called_ms: i64,
    /// Until when the line wakes nobody, because the last sync brought nothing.
    rests_until_ms: Option<i64>,
}

/// At least `least`, at most twice that.
fn about(least: u64, random: u64) -> u64 {
    least + random % least.max(1)
}

impl Duty {
    /// A phone that syncs first of all, unless the server asked it to wait.
    pub(super) fn new(hold: Option<Hold>) -> Self {
        Self {
            syncs: Pacer::new(hold),
            calls: Pacer::default(),
            line: Line::Down,
            wants: true,
            due_ms: None,
            looks: 0,
            has_synced: false,
            called_ms: 0,
            rests_until_ms: None,
        }
    }

    /// What to do now.
    pub(super) fn next(&mut self, now_ms: i64) -> Next {
        let due_in = self.due_ms.map(|due| {
            let ahead = u64::try_from(due.saturating_sub(now_ms)).unwrap_or(0);
            // No due time is set so far ahead: the clock went back.
            if ahead > 2 * WITHOUT_A_LINE_MS {
                0
            } else {
                ahead
            }
        });
        if due_in == Some(0) {
            self.due_ms = None;
            self.wants = true;
        }
        let held_ms = self.syncs.wait_ms(now_ms);
        if self.wants && held_ms == 0 {
            return Next::Sync;
        }
        let may_call = self.line == Line::Down && self.has_synced;
        let call_in = may_call.then(|| self.calls.wait_ms(now_ms).max(held_ms));
        if call_in == Some(0) {
            return Next::Listen;
        }
        let sync_in = match self.wants {
            true => Some(held_ms),
            false => due_in,
        };
        Next::Wait(sync_in.into_iter().chain(call_in).min())
    }

    /// There is something to send.
    pub(super) fn wants_sync(&mut self) {
        self.wants = true;
    }

    /// The line says that there is something to pull.
    pub(super) fn is_woken(&mut self, now_ms: i64) {
        match self.rests_until_ms.filter(|until| *until > now_ms) {
            Some(until) => self.due_ms = Some(self.due_ms.map_or(until, |due| due.min(until))),
            None => self.wants = true,
        }
    }

    /// A sync came to its end. `hold` is what the server asks for.
    pub(super) fn synced(&mut self, now_ms: i64, synced: Synced, hold: Option<Hold>, random: u64) {
        self.syncs.hold(hold);
        self.has_synced = true;
        self.wants = !synced.complete;
        if synced.complete || synced.progressed {
            self.syncs.succeeded();
        } else {
            self.syncs.failed(now_ms, random);
        }
        let rest = about(AFTER_NOTHING_MS, random);
        self.rests_until_ms = (!synced.progressed).then(|| now_ms.saturating_add_unsigned(rest));
        let mut due_in = (self.line != Line::Up).then(|| about(WITHOUT_A_LINE_MS, random));
        if synced.undecided {
            let doubled = FOR_DECISIONS_MS << self.looks.min(16);
            let look_in = doubled.min(FOR_DECISIONS_MOST_MS);
            self.looks += 1;
            due_in = Some(due_in.map_or(look_in, |due_in| due_in.min(look_in)));
        } else {
            self.looks = 0;
            if synced.waits_for_others {
                let look_in = about(FOR_DECISIONS_MOST_MS, random);
                due_in = Some(due_in.map_or(look_in, |due_in| due_in.min(look_in)));
            }
        }
        self.due_ms = due_in.map(|due_in| now_ms.saturating_add_unsigned(due_in));
    }

    /// A sync did not succeed. It is tried again, later each time.
    pub(super) fn failed(&mut self, now_ms: i64, random: u64) {
        self.wants = true;
        self.syncs.failed(now_ms, random);
    }

    /// The server did not let the phone sync. If it does not say for how long, that is a failure.
    pub(super) fn held(&mut self, now_ms: i64, hold: Option<Hold>, random: u64) {
        self.wants = true;
        self.syncs.hold(hold);
        if self.syncs.wait_ms(now_ms) == 0 {
            self.syncs.failed(now_ms, random);
        }
    }

    /// A line is being opened.
    pub(super) fn calls(&mut self, now_ms: i64) {
        self.line = Line::Up;
        self.called_ms = now_ms;
    }

    /// The server said something on the line. One that has stood for a while makes up for those that did
    /// not.
    pub(super) fn hears(&mut self, now_ms: i64) {
        if now_ms.saturating_sub(self.called_ms) >= STANDS_MS {
            self.calls.succeeded();
        }
    }

    /// The line is down. What is published meanwhile is told when it is up again.
    pub(super) fn hung_up(&mut self, now_ms: i64, end: LineEnd, random: u64) {
        self.line = Line::Down;
        match end {
            LineEnd::Closed {
                comes_back_ms: Some(wait_ms),
            } => self.calls.put_off(now_ms, wait_ms.max(BETWEEN_LINES_MS)),
            LineEnd::Refused {
                retry_after_ms: Some(wait_ms),
            } => {
                self.calls.failed(now_ms, random);
                let hold = Hold::asked(now_ms, wait_ms, true, random);
                self.calls.hold(Some(hold));
            }
            LineEnd::Impossible => self.line = Line::Impossible,
            LineEnd::Closed { .. } | LineEnd::Refused { .. } | LineEnd::Broken => {
                self.calls.failed(now_ms, random);
            }
        }
        let by_itself = now_ms.saturating_add_unsigned(about(WITHOUT_A_LINE_MS, random));
        self.due_ms = Some(self.due_ms.map_or(by_itself, |due| due.min(by_itself)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;
    const DONE: Synced = Synced {
        complete: true,
        progressed: true,
        undecided: false,
        waits_for_others: false,
    };

    /// A phone that is in sync, its line open.
    fn in_sync() -> Duty {
        let mut duty = Duty::new(None);
        assert_eq!(duty.next(NOW), Next::Sync);
        duty.synced(NOW, DONE, None, 0);
        assert_eq!(duty.next(NOW), Next::Listen);
        duty.calls(NOW);
        duty.hears(NOW);
        duty.synced(NOW, DONE, None, 0);
        assert_eq!(duty.next(NOW), Next::Wait(None));
        duty
    }

    fn wait(duty: &mut Duty, now_ms: i64) -> u64 {
        match duty.next(now_ms) {
            Next::Wait(Some(wait)) => wait,
            next => panic!("{next:?}"),
        }
    }

    #[test]
    fn a_phone_whose_line_is_open_does_nothing_until_it_is_woken() {
        let mut duty = in_sync();
        assert_eq!(duty.next(NOW + 86_400_000), Next::Wait(None));
        duty.wants_sync();
        assert_eq!(duty.next(NOW + 86_400_000), Next::Sync);
    }

    #[test]
    fn a_server_that_asks_to_wait_is_neither_asked_nor_called_before() {
        let hold = Hold::asked(NOW, 30_000, true, 0);
        let mut duty = Duty::new(Some(hold));
        assert_eq!(duty.next(NOW), Next::Wait(Some(30_000)));
        assert_eq!(duty.next(NOW + 30_000), Next::Sync);
        let mut duty = in_sync();
        duty.synced(NOW, DONE, Some(hold), 0);
        duty.hung_up(NOW, LineEnd::Broken, 0);
        duty.wants_sync();
        assert_eq!(duty.next(NOW + 29_999), Next::Wait(Some(1)));
        assert_eq!(duty.next(NOW + 30_000), Next::Sync);
        duty.synced(NOW + 30_000, DONE, None, 0);
        assert_eq!(duty.next(NOW + 30_000), Next::Listen);
    }

    #[test]
    fn a_server_that_refuses_without_saying_for_how_long_is_not_asked_all_the_time() {
        let mut duty = in_sync();
        let mut now = NOW;
        for random in [600, 1_600, 3_600, 7_600, 15_600] {
            duty.held(now, Some(Hold::asked(now, 0, true, 0)), random);
            assert_eq!(wait(&mut duty, now), random);
            now += i64::try_from(random).unwrap();
            assert_eq!(duty.next(now), Next::Sync);
        }
    }

    #[test]
    fn without_signal_it_tries_less_and_less_often_and_never_gives_up() {
        let mut duty = Duty::new(None);
        let mut now = NOW;
        let mut attempts = 0;
        while now < NOW + 86_400_000 {
            match duty.next(now) {
                Next::Sync => {
                    attempts += 1;
                    duty.failed(now, 750 + attempts * 1_000_003);
                }
                Next::Wait(Some(wait)) => now += i64::try_from(wait).unwrap(),
                next => panic!("{next:?}"),
            }
        }
        assert!((288..2_000).contains(&attempts), "{attempts} in a day");
    }

    #[test]
    fn what_is_left_to_do_is_done_at_once_unless_nothing_moves() {
        let mut duty = in_sync();
        let unfinished = Synced {
            complete: false,
            ..DONE
        };
        duty.synced(NOW, unfinished, None, 0);
        assert_eq!(duty.next(NOW), Next::Sync);
        let stuck = Synced {
            progressed: false,
            ..unfinished
        };
        duty.synced(NOW, stuck, None, 700);
        assert_eq!(wait(&mut duty, NOW), 700);
        duty.synced(NOW, stuck, None, 1_700);
        assert_eq!(wait(&mut duty, NOW), 1_700);
    }

    #[test]
    fn what_the_server_has_not_decided_is_asked_for_again_less_and_less_often() {
        let mut duty = in_sync();
        let undecided = Synced {
            undecided: true,
            ..DONE
        };
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..12 {
            duty.synced(now, undecided, None, 0);
            let next = wait(&mut duty, now);
            waits.push(next);
            now += i64::try_from(next).unwrap();
            assert_eq!(duty.next(now), Next::Sync);
        }
        assert_eq!(waits[..4], [2_000, 4_000, 8_000, 16_000]);
        assert_eq!(waits[11], 300_000);
        duty.synced(now, DONE, None, 0);
        assert_eq!(duty.next(now), Next::Wait(None));
    }

    #[test]
    fn a_line_that_ended_is_opened_again_when_the_server_said() {
        let mut duty = in_sync();
        let end = LineEnd::Closed {
            comes_back_ms: Some(17_000),
        };
        duty.hung_up(NOW, end, 0);
        assert_eq!(wait(&mut duty, NOW), 17_000);
        assert_eq!(duty.next(NOW + 17_000), Next::Listen);
    }

    #[test]
    fn a_line_that_breaks_again_and_again_is_opened_less_and_less_often() {
        let mut duty = in_sync();
        duty.hung_up(NOW, LineEnd::Broken, 900);
        assert_eq!(wait(&mut duty, NOW), 900);
        duty.calls(NOW);
        duty.hung_up(NOW, LineEnd::Broken, 1_900);
        assert_eq!(wait(&mut duty, NOW), 1_900);
        duty.calls(NOW);
        // A few bytes forgive nothing; a line that stood for a while does.
        duty.hears(NOW + 19_999);
        duty.hung_up(NOW, LineEnd::Broken, 3_900);
        assert_eq!(wait(&mut duty, NOW), 3_900);
        duty.calls(NOW);
        duty.hears(NOW + 25_000);
        duty.hung_up(NOW, LineEnd::Broken, 950);
        assert_eq!(wait(&mut duty, NOW), 950);
    }

    #[test]
    fn a_line_that_wakes_a_phone_for_nothing_does_not_keep_it_busy() {
        let mut duty = in_sync();
        let nothing = Synced {
            progressed: false,
            ..DONE
        };
        let (mut now, mut syncs) = (NOW, 0);
        while now < NOW + 60_000 {
            duty.is_woken(now);
            match duty.next(now) {
                Next::Sync => {
                    syncs += 1;
                    duty.synced(now, nothing, None, 500);
                }
                Next::Wait(Some(wait)) => now += i64::try_from(wait).unwrap(),
                next => panic!("{next:?}"),
            }
        }
        assert!((20..=60).contains(&syncs), "{syncs} in a minute");
        duty.wants_sync();
        assert_eq!(
            duty.next(now),
            Next::Sync,
            "what is recorded here goes at once"
        );
    }

    #[test]
    fn a_server_that_wants_the_phone_back_at_once_is_not_called_at_once() {
        let mut duty = in_sync();
        let end = LineEnd::Closed {
            comes_back_ms: Some(0),
        };
        duty.hung_up(NOW, end, 0);
        assert_eq!(wait(&mut duty, NOW), 1_000);
    }

    #[test]
    fn what_waits_for_an_office_is_asked_for_again_every_few_minutes() {
        let mut duty = in_sync();
        let reviewed = Synced {
            waits_for_others: true,
            ..DONE
        };
        duty.synced(NOW, reviewed, None, 7_000);
        assert_eq!(wait(&mut duty, NOW), 307_000);
        assert_eq!(duty.next(NOW + 307_000), Next::Sync);
    }

    #[test]
    fn a_line_for_which_there_is_no_place_is_asked_for_when_the_server_said() {
        let mut duty = in_sync();
        let end = LineEnd::Refused {
            retry_after_ms: Some(4_000),
        };
        duty.hung_up(NOW, end, 0);
        assert_eq!(wait(&mut duty, NOW), 4_000);
        duty.wants_sync();
        assert_eq!(duty.next(NOW), Next::Sync, "which does not delay a sync");
    }

    #[test]
    fn a_phone_that_cannot_listen_syncs_from_time_to_time() {
        let mut duty = in_sync();
        duty.hung_up(NOW, LineEnd::Impossible, 60_000);
        let first = wait(&mut duty, NOW);
        assert!((300_000..600_000).contains(&first), "{first}");
        let then = NOW + i64::try_from(first).unwrap();
        assert_eq!(duty.next(then), Next::Sync);
        duty.synced(then, DONE, None, 0);
        assert_eq!(wait(&mut duty, then), 300_000);
        // A clock that was set back does not put it off for years.
        assert_eq!(duty.next(then - 86_400_000), Next::Sync);
    }
}
