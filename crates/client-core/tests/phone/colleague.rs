//! Colleagues: W002 writes through an office, at once and in the log when the call returns.

use std::collections::BTreeMap;

use gridlog_domain::environment::SeededEntropy;
use gridlog_domain::id::{AreaCode, EntryId, RecordId};
use gridlog_domain::record::{Command, Comment, Kind, NewRecord, Value};
use gridlog_sync_server::ingest::{OfficeError, OfficeWrite, OfficeWritten};
use gridlog_sync_server::outside::{Erasure, ErasureReason};

use crate::district::GRID;
use crate::server::Server;

impl Server {
    fn office_write(
        &self,
        record: RecordId,
        commands: Vec<Command>,
    ) -> Result<OfficeWritten, OfficeError> {
        let wish = OfficeWrite {
            by: "W002".into(),
            record,
            commands,
        };
        let now = self.now_ms();
        let engine = self.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        sequencer.office_write(now, &wish)
    }

    /// A colleague writes a record of their own.
    pub(crate) fn colleague_writes(&self, new: NewRecord, more: Vec<Command>) -> RecordId {
        let seed = 1_000 + self.entries().len() as u64;
        let id = RecordId::new(self.now_ms(), &mut SeededEntropy::new(seed));
        let commands = std::iter::once(Command::Create(new)).chain(more).collect();
        self.office_write(id, commands).unwrap();
        id
    }

    /// A colleague edits a record as the server has it.
    pub(crate) fn colleague_edits(&self, id: RecordId, commands: &[Command]) {
        let written = self.office_write(id, commands.to_vec()).unwrap();
        assert!(written.seq.is_some(), "the edit changed nothing");
    }

    /// A colleague tries an edit; one that says nothing new, or comes too late, is none.
    pub(crate) fn colleague_tries(&self, id: RecordId, commands: &[Command]) {
        let _ = self.office_write(id, commands.to_vec());
    }

    /// An office erases a record.
    pub(crate) fn erase(&self, record: RecordId) {
        let erasure = Erasure {
            record,
            at_ms: self.now_ms(),
            reason: ErasureReason::PersonAsked,
            by: "W002".into(),
        };
        let engine = self.engine();
        let erased = engine.sequencer.borrow_mut().erase(&erasure);
        assert!(erased.unwrap().is_some());
    }

    /// Cases of a colleague that fill several pages: each takes about an eighth of one.
    pub(crate) fn colleague_fills_pages(&self, count: usize) -> Vec<RecordId> {
        let case = |number| {
            let words = (0..4).map(|_| comment(&"长".repeat(5_000))).collect();
            self.colleague_writes(new_case(&format!("案件{number}")), words)
        };
        (0..count).map(case).collect()
    }
}

pub(crate) fn new_case(title: &str) -> NewRecord {
    new_case_in(title, GRID)
}

pub(crate) fn new_case_in(title: &str, area: &str) -> NewRecord {
    NewRecord {
        kind: Kind::Case,
        area: AreaCode::new(area),
        fields: BTreeMap::from([
            ("title".to_owned(), Value::Text(title.to_owned())),
            ("category".to_owned(), Value::Text("01014".to_owned())),
        ]),
        references: BTreeMap::new(),
    }
}

pub(crate) fn titled(title: &str) -> Command {
    Command::Set {
        field: "title".to_owned(),
        value: Value::Text(title.to_owned()),
        shown: None,
    }
}

pub(crate) fn comment(text: &str) -> Command {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SEED: AtomicU64 = AtomicU64::new(0);
    let seed = SEED.fetch_add(1, Ordering::SeqCst);
    let comment = Comment {
        text: text.to_owned(),
        by: "W002".into(),
        at_ms: crate::clock::NOW,
    };
    Command::Comment {
        id: EntryId::new(comment.at_ms, &mut SeededEntropy::new(seed)),
        comment,
    }
}
