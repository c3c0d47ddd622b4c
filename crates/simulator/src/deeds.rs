//! What people do with their phones.

use gridlog_client_core::{NewReport, NewVisit, Phone, PhoneError, Query, RecordRow};
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{Finding, Kind, StepDetails, Value};
use gridlog_domain::workflow::{STEPS, Step};

use crate::broken::Broken;
use crate::chance::Chance;
use crate::people::{CATEGORY, CONDITION, GRIDS};
use crate::steps::About;
use crate::turn::Turn;
use crate::words::{Claim, meant_by};
use crate::world::World;

/// All rows of a phone, whatever they are.
pub(crate) fn everything() -> Query {
    Query {
        with_deleted: true,
        limit: u32::MAX,
        ..Query::default()
    }
}

impl World {
    /// A phone that somebody can use, if the draw finds one.
    pub(crate) fn some_phone(&self, chance: &mut Chance) -> Option<usize> {
        let number = chance.index(self.handsets.len());
        let usable = self.handsets.get(number)?.is_usable();
        usable.then_some(number)
    }

    /// A row of a phone that fits.
    fn some_row(
        &mut self,
        number: usize,
        chance: &mut Chance,
        fits: impl Fn(&RecordRow) -> bool,
    ) -> Result<Option<RecordRow>, Broken> {
        let rows = self.read(number, "listing", |phone| phone.list(&everything()))?;
        let mut rows: Vec<RecordRow> = rows.unwrap_or_default();
        rows.retain(fits);
        // The order of a list says when rows changed; the order of ids is as good and calmer.
        rows.sort_by_key(|row| row.id);
        Ok(chance.pick(&rows).cloned())
    }

    /// Records a word in an existing record.
    pub(crate) fn write_in(
        &mut self,
        number: usize,
        record: RecordId,
        (what, word): (&str, &str),
        call: impl FnOnce(&Phone) -> Result<(), PhoneError>,
    ) -> Result<(), Broken> {
        let name = self.handsets[number].name();
        self.tell(format!("{name} {what} {word} in {}", short(record)));
        let called = self.on(number, call);
        self.recorded(number, (word, Some(record)), called)?;
        Ok(())
    }

    /// Records a word in a new record.
    fn write_new(
        &mut self,
        number: usize,
        (what, word): (&str, &str),
        call: impl FnOnce(&Phone) -> Result<RecordId, PhoneError>,
    ) -> Result<(), Broken> {
        let name = self.handsets[number].name();
        let called = self.on(number, call);
        let record = self.recorded(number, (word, None), called)?;
        if let Some(record) = record {
            self.words.place(word, record);
        }
        let place = record.map_or_else(|| "nothing".to_owned(), short);
        self.tell(format!("{name} {what} {word}: {place}"));
        Ok(())
    }

    /// Plays a turn of somebody with a phone.
    pub(crate) fn deed(&mut self, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        let Some(number) = self.some_phone(chance) else {
            return Ok(());
        };
        match turn {
            Turn::Report | Turn::Note => self.report(number, turn, chance),
            Turn::Patrol => {
                let word = self.fresh_word();
                let route = format!("路线{word}");
                let grid = chance.pick(&GRIDS).copied().unwrap_or(GRIDS[0]);
                let area = chance.percent(40).then(|| grid.into());
                self.write_new(number, ("begins a patrol", &word), |phone| {
                    phone.start_patrol(area, Some(&route))
                })
            }
            Turn::Visit => {
                let word = self.fresh_word();
                let grid = chance.pick(&GRIDS).copied().unwrap_or(GRIDS[0]);
                let new = NewVisit {
                    outcome: "met".to_owned(),
                    household: Some(format!("某户{word}")),
                    area: chance.percent(50).then(|| grid.into()),
                    ..NewVisit::default()
                };
                self.write_new(number, ("records a visit", &word), |phone| phone.visit(new))
            }
            Turn::Comment | Turn::Delete => self.on_any(number, turn, chance),
            Turn::Title | Turn::Prose | Turn::AnyStep | Turn::Withdraw => {
                self.on_case(number, turn, chance)
            }
            Turn::Inspect | Turn::FinishPatrol => self.on_patrol(number, turn, chance),
            Turn::NextStep => self.next_step(number, chance),
            Turn::Resolve => self.resolve(number, chance),
            Turn::LetGo | Turn::TryAgain => self.see_to_refused(number, turn, chance),
            Turn::Sync | Turn::Verify => {
                let name = self.handsets[number].name();
                self.tell(format!("{name} begins to sync"));
                self.begin_sync(number, turn == Turn::Verify)
            }
            Turn::Reopen => {
                self.handsets[number].close();
                self.open(number)
            }
            Turn::SignIn => self.sign_in(number, false),
            _ => Ok(()),
        }
    }

    fn report(&mut self, number: usize, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        let word = self.fresh_word();
        let grid = match chance.below(20) {
            0 => "没有的区域",
            1..8 => chance.pick(&GRIDS).copied().unwrap_or(GRIDS[0]),
            _ => "",
        };
        let is_walker = self.handsets[number].person.as_str().starts_with('W');
        let grid = if grid.is_empty() && !is_walker {
            GRIDS[0]
        } else {
            grid
        };
        let new = NewReport {
            title: format!("井盖{word}"),
            category: CATEGORY.to_owned(),
            condition: Some(CONDITION.to_owned()),
            description: Some("井盖缺失。".to_owned()),
            area: (!grid.is_empty()).then(|| grid.into()),
            ..NewReport::default()
        };
        if turn == Turn::Report {
            self.write_new(number, ("reports", &word), |phone| phone.report(new))
        } else {
            self.write_new(number, ("notes", &word), |phone| phone.note_case(new))
        }
    }

    fn on_any(&mut self, number: usize, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        let Some(row) = self.some_row(number, chance, |_| true)? else {
            return Ok(());
        };
        let word = self.fresh_word();
        if turn == Turn::Comment {
            let text = format!("说明{word}");
            return self.write_in(number, row.id, ("says", &word), |phone| {
                phone.comment(row.id, &text).map(|_| ())
            });
        }
        let name = self.handsets[number].name();
        self.tell(format!("{name} deletes {}", short(row.id)));
        let called = self.on(number, |phone| phone.delete(row.id));
        if let Some(crate::handset::Called::Said(error)) = called
            && !matches!(
                error,
                PhoneError::Record { .. } | PhoneError::UnknownRecord { .. }
            )
        {
            return Err(crate::world::engine("deleting", &error));
        }
        Ok(())
    }

    fn on_case(&mut self, number: usize, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        let any_kind = turn == Turn::AnyStep && chance.percent(25);
        let fits = |row: &RecordRow| row.kind == Kind::Case || any_kind;
        let Some(row) = self.some_row(number, chance, fits)? else {
            return Ok(());
        };
        let word = self.fresh_word();
        match turn {
            Turn::Title => {
                self.words.is_value(&word);
                let title = Value::Text(format!("井盖{word}"));
                self.write_in(number, row.id, ("gives the title", &word), |phone| {
                    phone.edit(row.id, &[("title", title)])
                })
            }
            Turn::Prose => self.add_prose(number, &row, &word),
            Turn::Withdraw => self.withdraw(number, &row),
            _ => {
                let step = chance.pick(STEPS).map_or(Step::Report, |row| row.step);
                let about = self.about(number, row.id, chance)?;
                let details = about.details(chance, step, &word);
                self.propose(number, row.id, (step, &word), details)
            }
        }
    }

    fn add_prose(&mut self, number: usize, row: &RecordRow, word: &str) -> Result<(), Broken> {
        let shown = self.read(number, "showing", |phone| phone.show(row.id))?;
        let Some(Some(shown)) = shown else {
            return Ok(());
        };
        let before = shown.view.text("description").to_owned();
        let after = format!("{before}\n补充{word}。");
        self.write_in(number, row.id, ("adds", word), |phone| {
            phone.edit_prose(row.id, "description", Some(&before), &after)
        })
    }

    fn on_patrol(&mut self, number: usize, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        let Some(row) = self.some_row(number, chance, |row| row.kind == Kind::Patrol)? else {
            return Ok(());
        };
        let word = self.fresh_word();
        let text = format!("巡查{word}");
        if turn == Turn::FinishPatrol {
            return self.write_in(number, row.id, ("ends the patrol", &word), |phone| {
                phone.finish_patrol(row.id, Some(&text))
            });
        }
        let shown = self.read(number, "showing", |phone| phone.show(row.id))?;
        let findings: Vec<EntryId> = match shown {
            Some(Some(shown)) => shown.view.checks.keys().copied().collect(),
            _ => Vec::new(),
        };
        self.words.is_value(&word);
        let correct = match chance.percent(60) {
            true => chance.pick(&findings).copied(),
            false => None,
        };
        self.write_in(number, row.id, ("finds", &word), |phone| {
            phone
                .check(row.id, correct, "灭火器", Finding::Problem, &text)
                .map(|_| ())
        })
    }

    fn next_step(&mut self, number: usize, chance: &mut Chance) -> Result<(), Broken> {
        let tasks = self.read(number, "listing tasks", Phone::tasks)?;
        let mut tasks = tasks.unwrap_or_default();
        tasks.retain(|task| !task.steps.is_empty());
        tasks.sort_by_key(|task| task.row.id);
        let Some(task) = chance.pick(&tasks).cloned() else {
            return Ok(());
        };
        let Some(step) = chance.pick(&task.steps).copied() else {
            return Ok(());
        };
        if step == Step::Withdraw {
            return self.withdraw(number, &task.row);
        }
        let word = self.fresh_word();
        let about = self.about(number, task.row.id, chance)?;
        let details = about.details(chance, step, &word);
        self.propose(number, task.row.id, (step, &word), details)
    }

    fn propose(
        &mut self,
        number: usize,
        record: RecordId,
        (step, word): (Step, &str),
        details: StepDetails,
    ) -> Result<(), Broken> {
        let says = details.reason.as_deref().unwrap_or_default().contains(word);
        let what = format!("proposes {}", step.code());
        if says {
            return self.write_in(number, record, (&what, word), |phone| {
                phone.propose(record, step, details).map(|_| ())
            });
        }
        let name = self.handsets[number].name();
        self.tell(format!(
            "{name} {what} in {}, saying nothing",
            short(record)
        ));
        match self.on(number, |phone| phone.propose(record, step, details)) {
            Some(crate::handset::Called::Said(error))
                if !matches!(error, PhoneError::Record { .. }) =>
            {
                Err(crate::world::engine("proposing", &error))
            }
            _ => Ok(()),
        }
    }

    /// What a phone shows of a case, and of what may be named in it.
    fn about(
        &mut self,
        number: usize,
        record: RecordId,
        chance: &mut Chance,
    ) -> Result<About, Broken> {
        let shown = self.read(number, "showing", |phone| phone.show(record))?;
        let state = shown.flatten().and_then(|shown| shown.state);
        let mut others = Vec::new();
        for _ in 0..2 {
            let other = self.some_row(number, chance, |row| row.id != record)?;
            others.extend(other.map(|row| row.id));
        }
        Ok(About {
            state: state.unwrap_or_default(),
            others,
        })
    }

    fn last_step(
        &mut self,
        number: usize,
        record: RecordId,
    ) -> Result<Option<(EntryId, Step)>, Broken> {
        let shown = self.read(number, "showing", |phone| phone.show(record))?;
        let state = shown.flatten().and_then(|shown| shown.state);
        Ok(state
            .and_then(|state| state.last)
            .map(|last| (last.proposal, last.step)))
    }

    fn withdraw(&mut self, number: usize, row: &RecordRow) -> Result<(), Broken> {
        let Some((target, step)) = self.last_step(number, row.id)? else {
            return Ok(());
        };
        let name = self.handsets[number].name();
        self.tell(format!(
            "{name} withdraws {} in {}",
            step.code(),
            short(row.id)
        ));
        match self.on(number, |phone| phone.withdraw(row.id, target)) {
            Some(crate::handset::Called::Said(error))
                if !matches!(error, PhoneError::Record { .. }) =>
            {
                Err(crate::world::engine("withdrawing", &error))
            }
            _ => Ok(()),
        }
    }

    fn resolve(&mut self, number: usize, chance: &mut Chance) -> Result<(), Broken> {
        let in_title = |row: &RecordRow| row.conflicts > 0;
        let Some(row) = self.some_row(number, chance, in_title)? else {
            return Ok(());
        };
        let shown = self.read(number, "showing", |phone| phone.show(row.id))?;
        let conflicts = shown.flatten().map(|shown| shown.view.conflicts);
        let conflicts = conflicts.unwrap_or_default();
        let Some(conflict) = conflicts.iter().find(|conflict| conflict.place == "title") else {
            return Ok(());
        };
        let word = self.fresh_word();
        self.words.is_value(&word);
        let value = Value::Text(format!("定为{word}"));
        let seen = conflict.all_ops();
        self.write_in(number, row.id, ("resolves the title as", &word), |phone| {
            phone.resolve(row.id, "title", value, &seen)
        })
    }

    /// Lets something that was sent back go, or tries it again.
    fn see_to_refused(
        &mut self,
        number: usize,
        turn: Turn,
        chance: &mut Chance,
    ) -> Result<(), Broken> {
        let items = self.needs_you(number)?;
        let Some((record, item)) = chance.pick(&items).cloned() else {
            return Ok(());
        };
        let words = meant_by(&item.commands);
        let name = self.handsets[number].name();
        let what = if turn == Turn::LetGo {
            "lets go"
        } else {
            "tries again"
        };
        self.tell(format!(
            "{name} {what} {} in {}",
            words.join(" "),
            short(record)
        ));
        let called = self.on(number, |phone| match turn {
            Turn::LetGo => phone.dismiss_needs_you(item.id),
            _ => phone.retry_needs_you(item.id),
        });
        match called {
            Some(crate::handset::Called::Done(())) if turn == Turn::LetGo => {
                for word in words {
                    self.words.claim(&word, Claim::LetGo);
                }
                Ok(())
            }
            Some(crate::handset::Called::Struck) => {
                for word in words {
                    self.words.claim(&word, Claim::Unsure);
                }
                Ok(())
            }
            Some(crate::handset::Called::Said(error)) if error.code() == "store_failed" => {
                Err(crate::world::engine(what, &error))
            }
            _ => Ok(()),
        }
    }

    /// Everything on a phone that needs its person.
    pub(crate) fn needs_you(
        &mut self,
        number: usize,
    ) -> Result<Vec<(RecordId, gridlog_client_core::NeedsYou)>, Broken> {
        let rows = self.read(number, "listing", |phone| phone.list(&everything()))?;
        let mut items = Vec::new();
        for row in rows.unwrap_or_default() {
            let shown = self.read(number, "showing", |phone| phone.show(row.id))?;
            let of_row = shown.flatten().map(|shown| shown.needs_you);
            items.extend(of_row.into_iter().flatten().map(|item| (row.id, item)));
        }
        items.sort_by_key(|(_, item)| item.id);
        Ok(items)
    }
}

/// A record's id, as the story gives it.
pub(crate) fn short(record: RecordId) -> String {
    let text = hex::encode(record.as_bytes());
    format!("record …{}", &text[text.len() - 6..])
}
