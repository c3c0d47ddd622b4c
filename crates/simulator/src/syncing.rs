//! Syncs: a real session on the phone, a real exchange at the server, and a network between them that
//! does what the seed says.

use std::cell::RefCell;

use gridlog_client_core::{Answer, PhoneError, SYNC_PATH, SyncReport, Transport, TransportError};
use gridlog_domain::id::DeviceId;
use gridlog_protocol::{Key, SyncRequest, Verdict, codec, open_page};

use crate::broken::Broken;
use crate::chance::Chance;
use crate::handset::{Called, Sitting, watched};
use crate::network::{Fate, Happening, Harm, Request, Returned};
use crate::server::House;
use crate::world::{World, engine};

/// Most requests of one sync. A session that goes on for longer would go on for ever.
const MOST_ROUNDS: u64 = 400;

/// Codes with which a change of an honest phone may be refused. `foreign_actor` is what the phone
/// counts on after it enrolled as a new device.
const HONEST_REFUSALS: [&str; 6] = [
    "area_never_held",
    "dismissed",
    "foreign_actor",
    "record_erased",
    "record_full",
    "unknown_area",
];

/// A way to the server without delay, for enrolment. It may lose one request or one answer.
struct Direct<'a> {
    house: RefCell<&'a mut House>,
    loses_request: bool,
    loses_answer: bool,
}

impl Transport for Direct<'_> {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        _: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        if self.loses_request {
            return Err(TransportError::TimedOut);
        }
        let answer = self.house.borrow_mut().post(path, bearer, body, true);
        match answer {
            Some(answer) if !self.loses_answer => Ok(answer),
            _ => Err(TransportError::TimedOut),
        }
    }
}

impl World {
    /// A phone's person signs in, the first time or again. `must` if nothing may go wrong.
    pub(crate) fn sign_in(&mut self, number: usize, must: bool) -> Result<(), Broken> {
        let mut chance = Chance::of(self.seed, "sign in", &[number as u64, self.numbers]);
        self.numbers += 1;
        let (loses_request, loses_answer) = if must || self.quiet {
            (false, false)
        } else {
            (
                chance.percent(self.weather.lost_requests),
                chance.percent(self.weather.lost_answers),
            )
        };
        let before = self.house.machine.strikes();
        let handset = &mut self.handsets[number];
        let name = handset.name();
        let Some(phone) = handset.phone.clone() else {
            return Ok(());
        };
        let direct = Direct {
            house: RefCell::new(&mut self.house),
            loses_request,
            loses_answer,
        };
        let person = handset.person.clone();
        let called = watched(&handset.machine, || {
            phone.enrol(&direct, &person, "secret", "手机")
        });
        drop(phone);
        let server_struck = self.house.machine.is_down() || self.house.machine.strikes() != before;
        match called {
            Called::Done(_) => {
                let handset = &mut self.handsets[number];
                handset.enrolled = true;
                handset.signs_in = false;
                handset.signed_in_unheard = false;
                self.tell(format!("{name} is signed in"));
            }
            Called::Said(PhoneError::Transport(_)) => {
                self.handsets[number].signed_in_unheard |= !loses_request;
            }
            // A disabled account.
            Called::Said(PhoneError::Refused { code, .. }) if code == "wrong_password" => {
                self.tell(format!("{name} may not sign in"));
            }
            Called::Said(PhoneError::Refused { .. }) if server_struck => {
                self.handsets[number].signed_in_unheard = true;
            }
            Called::Said(error) => return Err(engine("signing in", &error)),
            Called::Struck => self.handsets[number].signed_in_unheard = true,
        }
        self.phone_fell(number);
        self.server_fell();
        Ok(())
    }

    /// A phone begins to sync.
    pub(crate) fn begin_sync(&mut self, number: usize, verifies: bool) -> Result<(), Broken> {
        let handset = &self.handsets[number];
        if !handset.is_usable() || handset.sitting.is_some() {
            return Ok(());
        }
        if handset.signs_in {
            self.sign_in(number, false)?;
        }
        let begun = self.on(number, |phone| match verifies {
            true => phone.begin_verification(),
            false => phone.begin_sync(),
        });
        let session = match begun {
            Some(Called::Done(session)) => session,
            Some(Called::Said(error)) => return Err(engine("beginning a sync", &error)),
            Some(Called::Struck) | None => return Ok(()),
        };
        self.numbers += 1;
        self.handsets[number].sitting = Some(Sitting {
            session,
            id: self.numbers,
            turn: self.turn.unwrap_or(u32::MAX),
            round: 0,
            waits_for: None,
            put_back: 0,
            has_more: false,
        });
        self.ask(number)
    }

    /// A phone sends its next request, or its sync is over.
    fn ask(&mut self, number: usize) -> Result<(), Broken> {
        let handset = &mut self.handsets[number];
        let name = handset.name();
        let Some(mut sitting) = handset.sitting.take() else {
            return Ok(());
        };
        if sitting.round >= MOST_ROUNDS {
            return Err(Broken::new(
                "a sync comes to its end",
                format!("{name} sent {MOST_ROUNDS} requests in one sync"),
            ));
        }
        let asked = watched(&handset.machine, || {
            let body = sitting.session.next_request()?;
            Ok((body, sitting.session.bearer()?))
        });
        let (body, bearer) = match asked {
            Called::Done((Some(body), bearer)) => (body, bearer),
            Called::Done((None, _)) => {
                let report = sitting.session.report().clone();
                let is_told = sitting.put_back == self.watch.put_back_times();
                drop(sitting);
                if report.complete && is_told {
                    self.check_says_all(number)?;
                }
                self.check_needless(&name, &report)?;
                self.tally.count(
                    "end of a sync",
                    if report.complete {
                        "complete"
                    } else {
                        "incomplete"
                    },
                );
                self.tell(format!(
                    "{name} has synced: {} sent, {} admitted, {} refused, {} records pulled, {} returned",
                    report.pushed,
                    report.admitted,
                    report.refused,
                    report.pulled_records,
                    report.returned
                ));
                return Ok(());
            }
            Called::Said(error) => return Err(engine("the next request", &error)),
            Called::Struck => {
                drop(sitting);
                self.phone_fell(number);
                return Ok(());
            }
        };
        self.numbers += 1;
        let message = self.numbers;
        sitting.round += 1;
        sitting.waits_for = Some(message);
        let stream = [u64::from(sitting.turn), sitting.round, number as u64];
        let mut chance = Chance::of(self.seed, "message", &stream);
        let fate = if self.quiet {
            Fate::fair()
        } else {
            Fate::draw(&mut chance, &self.weather)
        };
        let id = sitting.id;
        self.handsets[number].sitting = Some(sitting);
        self.send(number, (id, message), (bearer, body), fate);
        Ok(())
    }

    /// A comparison of everything is for what was put back to an old copy. Where nothing ever was, it
    /// finds nothing: what it mended would be a mistake of ours. Not so yet where somebody moved, as
    /// `docs/reliability.md` says.
    fn check_needless(&self, name: &str, report: &SyncReport) -> Result<(), Broken> {
        let differing = report.differing.unwrap_or(0);
        if differing == 0 || self.anything_put_back || self.anybody_moved {
            return Ok(());
        }
        Err(Broken::new(
            "nothing is mended where nothing was lost",
            format!("{name} differs from the server in {differing} records"),
        ))
    }

    fn send(
        &mut self,
        number: usize,
        (sitting, message): (u64, u64),
        (bearer, body): (String, Vec<u8>),
        fate: Fate,
    ) {
        self.later(
            fate.patience_ms,
            Happening::TimedOut {
                handset: number,
                sitting,
                message,
            },
        );
        if fate.there.is_empty() {
            self.tally.count("fault of the network", "request lost");
        }
        if fate.there.len() > 1 {
            self.tally.count("fault of the network", "message doubled");
        }
        for way in fate.there {
            if matches!(way.harm, Harm::Cut(_)) {
                self.tally.count("fault of the network", "request cut");
            }
            let request = Request {
                handset: number,
                sitting,
                message,
                bearer: bearer.clone(),
                is_whole: way.harm == Harm::None,
                body: way.harm.applied(body.clone()),
                decides: fate.decides,
                back: fate.back.clone(),
            };
            self.later(way.delay_ms, Happening::Request(Box::new(request)));
        }
    }

    /// A request comes to the server.
    pub(crate) fn request_comes(&mut self, request: Request) -> Result<(), Broken> {
        let before = self.house.machine.strikes();
        let bearer = Some(request.bearer.as_str());
        let answered = self
            .house
            .post(SYNC_PATH, bearer, &request.body, request.decides);
        self.rogue.overhears(&request.body);
        let struck = self.house.machine.strikes() != before;
        let Some(answer) = answered else {
            self.server_fell();
            return Ok(());
        };
        let mut has_more = false;
        if answer.status == 200 {
            self.note_published();
            has_more = self.look_at(&request, &answer)?;
        } else if request.is_whole && answer.status != 401 && !struck {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            // Its actor is that of a device that it never heard of: it is to sign in once more.
            if self.handsets[request.handset].signed_in_unheard && said.contains("actor_taken") {
                self.tally.count("phone", "asked to sign in once more");
                self.answer_leaves(&request, &answer, has_more);
                return Ok(());
            }
            return Err(Broken::new(
                "an honest request is answered",
                format!(
                    "{}: status {}, {said}",
                    self.handsets[request.handset].name(),
                    answer.status
                ),
            ));
        }
        if !request.decides || struck {
            let delay = Chance::of(self.seed, "decides", &[request.message]).between(200, 600_000);
            let delay = i64::try_from(delay).unwrap_or(200);
            self.later(delay, Happening::ServerDecides);
        }
        self.answer_leaves(&request, &answer, has_more);
        Ok(())
    }

    fn answer_leaves(&mut self, request: &Request, answer: &Answer, has_more: bool) {
        if request.back.is_empty() {
            self.tally.count("fault of the network", "answer lost");
        }
        for way in &request.back {
            match way.harm {
                Harm::Cut(_) => self.tally.count("fault of the network", "answer cut"),
                Harm::Garbled(_) => self.tally.count("fault of the network", "answer garbled"),
                Harm::None => {}
            }
            let returned = Returned {
                handset: request.handset,
                sitting: request.sitting,
                message: request.message,
                answer: Answer {
                    body: way.harm.applied(answer.body.clone()),
                    ..answer.clone()
                },
                is_whole: request.is_whole && way.harm == Harm::None,
                put_back: self.watch.put_back_times(),
                has_more,
            };
            self.later(way.delay_ms, Happening::Answer(Box::new(returned)));
        }
    }

    /// Reads a page as the phone does: counts what the server said, and looks whether it took an
    /// honest change for a forged one. Whether another page is to follow.
    fn look_at(&mut self, request: &Request, answer: &Answer) -> Result<bool, Broken> {
        let Ok(asked) = codec::decode::<SyncRequest>("sync request", &request.body) else {
            return Ok(false);
        };
        let device = request.bearer.split('|').next().unwrap_or_default();
        let Ok(device) = device.parse::<DeviceId>() else {
            return Ok(false);
        };
        let key = self.house.key.verifying_key();
        let device = Key(*device.as_bytes());
        let opened = open_page(&answer.body, asked.nonce, device, &key);
        let opened = opened.map_err(|error| {
            Broken::new("every page is signed for its reader", error.to_string())
        })?;
        let with_snapshot = opened.page.body.records.iter();
        let with_snapshot = with_snapshot.filter(|told| told.snapshot.is_some());
        let count = with_snapshot.count() as u64;
        self.tally.add("snapshot", "told", count);
        for verdict in &opened.page.body.verdicts {
            self.tally.count("verdict", verdict.code());
            match verdict {
                Verdict::Refused { code } if HONEST_REFUSALS.contains(&code.as_str()) => {
                    self.tally.count("change refused", code);
                }
                Verdict::Refused { code } => {
                    return Err(Broken::new(
                        "an honest change is not taken for a forged one",
                        format!("{}: {code}", self.handsets[request.handset].name()),
                    ));
                }
                Verdict::Review { reason } => self.tally.count("change reviewed", reason),
                _ => {}
            }
        }
        Ok(opened.page.body.more)
    }

    /// A sync ends before its end.
    pub(crate) fn break_off(&mut self, number: usize) {
        let Some(sitting) = self.handsets[number].sitting.take() else {
            return;
        };
        self.tally.count("end of a sync", "broken off");
        if sitting.has_more {
            let between = "sync broken off between two pages";
            self.tally.count("fault of the network", between);
        }
    }

    /// An answer comes to a phone.
    pub(crate) fn answer_comes(&mut self, returned: Returned) -> Result<(), Broken> {
        let number = returned.handset;
        let handset = &mut self.handsets[number];
        let name = handset.name();
        let Some(sitting) = &mut handset.sitting else {
            return Ok(());
        };
        let is_awaited =
            sitting.id == returned.sitting && sitting.waits_for == Some(returned.message);
        if !is_awaited {
            if sitting.waits_for.is_none() {
                return Ok(());
            }
            let late = "late answer handed to a later request";
            self.tally.count("fault of the network", late);
            self.tally
                .count("fault of the network", "message overtaken");
        }
        let handset = &mut self.handsets[number];
        let Some(sitting) = &mut handset.sitting else {
            return Ok(());
        };
        sitting.waits_for = None;
        let status = returned.answer.status;
        let session = &mut sitting.session;
        let accepted = watched(&handset.machine, || session.accept(returned.answer));
        let is_sound = is_awaited && returned.is_whole;
        match accepted {
            Called::Done(()) if is_awaited => {
                sitting.put_back = returned.put_back;
                sitting.has_more = returned.has_more;
                return self.ask(number);
            }
            Called::Done(()) => {
                return Err(Broken::new(
                    "an answer is taken for its own request only",
                    format!("{name} took an answer to another request"),
                ));
            }
            Called::Said(PhoneError::SignInAgain) => self.handsets[number].signs_in = true,
            // The server said so, and was looked at when it did.
            Called::Said(PhoneError::Refused { .. } | PhoneError::Busy { .. }) if status != 200 => {
            }
            Called::Said(error) if is_sound => {
                return Err(Broken::new(
                    "an honest page is taken",
                    format!("{name}: {} ({error})", error.code()),
                ));
            }
            Called::Said(_) | Called::Struck => {}
        }
        self.break_off(number);
        self.tell(format!("the sync of {name} breaks off"));
        self.phone_fell(number);
        Ok(())
    }

    /// A phone waits no longer for an answer: it asks again, or gives up.
    pub(crate) fn patience_ends(
        &mut self,
        number: usize,
        sitting: u64,
        message: u64,
    ) -> Result<(), Broken> {
        let handset = &mut self.handsets[number];
        let is_waiting = handset.sitting.as_ref().is_some_and(|under_way| {
            under_way.id == sitting && under_way.waits_for == Some(message)
        });
        if !is_waiting {
            return Ok(());
        }
        let goes_on = Chance::of(self.seed, "patience", &[message]).percent(50);
        if goes_on {
            return self.ask(number);
        }
        let name = handset.name();
        self.break_off(number);
        self.tell(format!("{name} gives up its sync"));
        Ok(())
    }
}
