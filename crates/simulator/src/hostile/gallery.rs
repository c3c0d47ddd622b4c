//! One hostile change for each thing that can be wrong, and the code that each must get.

use std::collections::BTreeSet;

use automerge::{ActorId, Automerge, ChangeHash};
use gridlog_domain::environment::Entropy as _;
use gridlog_domain::id::{EntryId, PersonId, RecordId};
use gridlog_domain::record::{Author, Command, Comment, write};
use gridlog_merge_guard::forge::{Forged, ForgedOp, Hostile, gallery_by};
use gridlog_merge_guard::{Limits, receive};
use gridlog_protocol::{LogEntry, Verdict};
use gridlog_sync_server::store::Store as _;

use crate::broken::Broken;
use crate::chance::Chance;
use crate::people::{GRIDS, ROGUE};
use crate::world::World;

/// Where a chunk says what it is: behind four bytes of magic and four of checksum.
const CHUNK_TYPE: usize = 8;

/// What is refused before anybody asks what it builds on: no change at all, or one beyond the caps.
fn unreadable(document: &Automerge, actor: &ActorId, honest: &[u8]) -> Vec<Hostile> {
    let caps = Limits::default();
    let next = || Forged::next(document, actor).with([ForgedOp::put("k", 1)]);
    let altered = |at: usize, byte: u8| {
        let mut bytes = honest.to_vec();
        bytes[at] = byte;
        bytes
    };
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX).to_be_bytes();
    let name = |n: usize| [number(n), number(0)].concat();
    let hash = |n: usize| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number(n));
        ChangeHash(hash)
    };
    let with_deps = Forged {
        deps: (0..=caps.max_deps).map(hash).collect(),
        ..next()
    };
    let with_actors = Forged {
        idle_actors: (0..=caps.max_actors)
            .map(|n| ActorId::from(name(n)))
            .collect(),
        ..next()
    };
    let with_message = Forged {
        message: vec![b'x'; caps.max_message_bytes + 1],
        ..next()
    };
    let with_short_actor = Forged {
        actor: ActorId::from([7; 3]),
        ..next()
    };
    [
        ("no_magic", altered(0, 0), "bad_magic"),
        ("document", altered(CHUNK_TYPE, 0), "not_a_change"),
        (
            "cut_short",
            honest[..honest.len() - 1].to_vec(),
            "malformed",
        ),
        ("too_large", vec![0; caps.max_change_bytes + 1], "too_large"),
        ("too_many_deps", with_deps.bytes(), "too_many_deps"),
        ("too_many_actors", with_actors.bytes(), "too_many_actors"),
        ("long_message", with_message.bytes(), "message_too_long"),
        ("short_actor", with_short_actor.bytes(), "bad_actor"),
    ]
    .map(|(name, bytes, code)| Hostile {
        name,
        bytes,
        code,
        at_receive: true,
    })
    .into()
}

/// The author of the gallery's second first change.
const SECOND_BEGINNER: [u8; 16] = [0xdd; 16];

impl World {
    /// A record of its own, and everything that can be wrong in a change to it.
    pub(super) fn send_gallery(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        if !self.rogue_has_a_record() {
            self.rogue_begins_a_record()?;
        }
        if !self.rogue_has_a_record() {
            return Ok(());
        }
        self.tell("the hostile device sends one change for each thing that can be wrong");
        self.tally.count("hostile", "gallery");
        let honest = self.rogue.honest.last().cloned().unwrap_or_default();
        let (document, record) = (self.rogue.document.clone(), self.rogue.record);
        let victim = self.some_victim(&[], chance);
        let forged = self.forge(&document, &honest, &victim);
        for (actor, hostile) in forged {
            // Nobody else writes in this record, so an actor that is named there is unknown.
            let code = match hostile.name {
                "unused_actor" => "unknown_actor",
                _ => hostile.code,
            };
            self.push_hostile(record, &actor, &hostile, &[code])?;
        }
        let own = self.rogue.actor.clone();
        for hostile in unreadable(&document, &own, &honest) {
            self.push_hostile(record, &own, &hostile, &[hostile.code])?;
        }
        Ok(())
    }

    /// Everything that can be wrong in a change to somebody else's record, and a change in which
    /// nothing is wrong but its place.
    pub(super) fn write_in_others_records(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let Some((record, document)) = self.some_others_record(chance) else {
            return Ok(());
        };
        self.tell(format!(
            "the hostile device forges changes in {}",
            crate::deeds::short(record)
        ));
        self.tally.count("hostile", "forged in others' records");
        let changes = document.get_changes(&[]);
        let honest = changes.last().map(|change| change.raw_bytes().to_vec());
        let authors: Vec<ActorId> = changes
            .iter()
            .map(|change| change.actor_id().clone())
            .collect();
        let is_own = authors
            .last()
            .is_some_and(|last| self.rogue.actors.contains(last));
        let victim = self.some_victim(&authors, chance);
        let forged = self.forge(&document, &honest.unwrap_or_default(), &victim);
        for (actor, hostile) in forged {
            // Where the last change is another one's, so are those that pretend to be it or to follow
            // it. Whether its number is known depends on how the change came to this server.
            let codes: &[&str] = match hostile.name {
                "reused_seq" | "own_previous_missing" if is_own => &[hostile.code],
                "reused_seq" => &["actor_seq_reused", "foreign_actor"],
                "forged_actor" => &["foreign_actor", "actor_seq_reused"],
                // After a record's only change it names nothing that it builds on.
                "own_previous_missing" => &["foreign_actor", "actor_seq_reused", "malformed"],
                "unused_actor" if !authors.contains(&victim) => &["unknown_actor"],
                _ => &[hostile.code],
            };
            self.push_hostile(record, &actor, &hostile, codes)?;
        }
        self.write_out_of_place(record, document)
    }

    /// A sound comment. Whether it may stand there is a matter of who writes, and where.
    fn write_out_of_place(
        &mut self,
        record: RecordId,
        mut document: Automerge,
    ) -> Result<(), Broken> {
        let actor = self.rogue.fresh_actor();
        let now_ms = self.time.now_ms();
        let author = Author {
            person: PersonId::new(ROGUE),
            actor: actor.clone(),
            now_ms,
        };
        let id = EntryId::new(now_ms, &mut self.rogue.entropy);
        let comment = Comment {
            text: "与我无关".to_owned(),
            by: PersonId::new(ROGUE),
            at_ms: now_ms,
        };
        let written = write(&mut document, &author, &[Command::Comment { id, comment }]);
        let Ok(Some(change)) = written else {
            return Ok(());
        };
        let Some(row) = self.house.running().and_then(|running| {
            let row = running.store.record(record);
            row.ok().flatten()
        }) else {
            return Ok(());
        };
        // That person has one assignment, which never ends.
        let is_at_home = row.area == GRIDS[1] || row.author.as_str() == ROGUE;
        self.tally.count("hostile", "sound, and out of place");
        let push = self.rogue.item(record, change.raw_bytes().to_vec());
        let verdicts = self.push_as_rogue(Some(&actor), vec![push])?;
        for verdict in verdicts.into_iter().flatten() {
            let fits = match &verdict {
                Verdict::Admitted { .. } => is_at_home,
                Verdict::Refused { code } => !is_at_home && code == "area_never_held",
                _ => false,
            };
            if !fits {
                return Err(Broken::new(
                    "nobody writes where they have no business",
                    format!("{verdict:?} in {record}, which lives in {}", row.area),
                ));
            }
        }
        Ok(())
    }

    /// The gallery, each change with the actor in whose name it comes.
    fn forge(
        &mut self,
        document: &Automerge,
        honest: &[u8],
        victim: &ActorId,
    ) -> Vec<(ActorId, Hostile)> {
        let rogue = &mut self.rogue;
        let forged = gallery_by(document, || rogue.fresh_actor(), honest, victim);
        let own = rogue.actor.clone();
        let author = |hostile: &Hostile| match receive(&hostile.bytes, &Limits::default()) {
            Ok(header) if hostile.code != "foreign_actor" => header.actor,
            // It is refused before anybody asks whose it is, or for whose it is.
            _ => own.clone(),
        };
        let authors: Vec<ActorId> = forged.iter().map(author).collect();
        authors.into_iter().zip(forged).collect()
    }

    /// An actor of somebody else: one of these, or one that nobody ever had.
    fn some_victim(&mut self, authors: &[ActorId], chance: &mut Chance) -> ActorId {
        let others: Vec<&ActorId> = authors
            .iter()
            .filter(|actor| !self.rogue.actors.contains(*actor))
            .collect();
        match chance.pick(&others) {
            Some(actor) => (*actor).clone(),
            None => {
                let mut unknown = [0; 16];
                self.rogue.entropy.fill(&mut unknown);
                ActorId::from(unknown)
            }
        }
    }

    /// Pushes one hostile change in the name of an actor that is registered with it. It must get one
    /// of the codes.
    fn push_hostile(
        &mut self,
        record: RecordId,
        actor: &ActorId,
        hostile: &Hostile,
        codes: &[&str],
    ) -> Result<(), Broken> {
        // Another's actor stays another's: the device does not even claim it.
        let is_own = self.rogue.actors.contains(actor) || actor.to_bytes() == SECOND_BEGINNER;
        let item = self.rogue.item(record, hostile.bytes.clone());
        let verdicts = self.push_as_rogue(Some(actor).filter(|_| is_own), vec![item])?;
        for verdict in verdicts.into_iter().flatten() {
            let fits = match &verdict {
                Verdict::Refused { code } => codes.contains(&code.as_str()),
                _ => false,
            };
            if !fits {
                return Err(Broken::new(
                    "a hostile change is refused for what is wrong with it",
                    format!("{} in {record}: {verdict:?}", hostile.name),
                ));
            }
        }
        Ok(())
    }

    /// Somebody else's record as the server has it.
    fn some_others_record(&mut self, chance: &mut Chance) -> Option<(RecordId, Automerge)> {
        let store = &self.house.running()?.store;
        let entries = store.entries(0, 100_000).unwrap_or_default();
        let entries: Vec<LogEntry> = entries
            .iter()
            .filter_map(|stored| LogEntry::from_bytes(&stored.canonical).ok())
            .collect();
        let mut records = crate::offices::records_of(&entries);
        records.retain(|record| *record != self.rogue.record);
        let record = *chance.pick(&records)?;
        let changes = store.record_changes(record).ok()?;
        let changes: Vec<automerge::Change> = changes
            .into_iter()
            .filter_map(|change| automerge::Change::try_from(change.bytes.as_slice()).ok())
            .collect();
        let mut document = Automerge::new();
        let is_there = !changes.is_empty() && document.apply_changes(changes).is_ok();
        is_there.then_some((record, document))
    }

    /// Whether the server has all that the device wrote in its own record. A log that was put back may
    /// have lost it, and an office may have erased it.
    fn rogue_has_a_record(&mut self) -> bool {
        let Some(running) = self.house.running() else {
            return false;
        };
        let changes = running.store.record_changes(self.rogue.record);
        let there: BTreeSet<Vec<u8>> = changes
            .unwrap_or_default()
            .into_iter()
            .map(|change| change.bytes)
            .collect();
        let honest = &self.rogue.honest;
        !honest.is_empty() && honest.iter().all(|bytes| there.contains(bytes))
    }

    fn rogue_begins_a_record(&mut self) -> Result<(), Broken> {
        self.tell("the hostile device begins a record of its own");
        self.rogue.begin_record(self.time.now_ms());
        let (record, actor) = (self.rogue.record, self.rogue.actor.clone());
        let honest = self.rogue.honest.clone();
        let push = honest
            .into_iter()
            .map(|bytes| self.rogue.item(record, bytes))
            .collect();
        self.push_as_rogue(Some(&actor), push)?;
        Ok(())
    }
}
