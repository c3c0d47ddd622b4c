//! Evening: a device that enrolled as a real worker sends everything that a phone never would.
//!
//! Each hostile change travels in one push with an honest new case, which must be admitted all the
//! same. The device and the neighbour whose record it attacks walk a grid in which no phone of the
//! demo works, so that the figures of the others stay theirs.

use automerge::transaction::{CommitOptions, Transactable as _};
use automerge::{Automerge, AutomergeError, ROOT, ReadDoc as _, ScalarValue};
use gridlog_cli::environment::SystemClock;
use gridlog_domain::environment::Clock as _;
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{Command, Comment, Kind, LogPosition, Proposal, StepDetails, Value};
use gridlog_domain::workflow::Step;
use gridlog_protocol::{Verdict, limits};
use serde::Serialize;

use super::hostile_bodies;
use super::progress::Progress;
use super::rogue::{Item, Rogue, RogueError, TITLE};
use super::stage::Stage;
use crate::error::CliError;

/// How many characters are enough for Automerge to deflate a change of its own accord.
const WORTH_DEFLATING: usize = 2_000;

const RETITLED: &str = "同事正常修改的标题";
const RESULT: &str = "邻居已当场处理完毕。";

/// What the devices wrote.
pub(super) const TEXTS: [&str; 3] = [TITLE, RETITLED, RESULT];

/// One kind of hostile bytes, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Attack {
    /// What was sent, in Chinese.
    pub(super) zh: &'static str,
    /// What was sent, in English.
    pub(super) en: &'static str,
    /// The code that it must get.
    pub(super) expected: &'static str,
    /// The code that it got.
    pub(super) code: String,
    /// Where what builds on it stands, by code.
    pub(super) followers: Vec<&'static str>,
    /// Where the honest case in the same push stands, by code; absent where the whole body was
    /// hostile.
    pub(super) honest: Option<&'static str>,
}

impl Attack {
    /// Whether it was answered as promised.
    fn was_held(&self) -> bool {
        self.code == self.expected
            && self.followers.iter().all(|code| *code == "blocked_by")
            && self.honest.is_none_or(|code| code == "admitted")
    }
}

/// What the attacks leave to be checked.
#[derive(Debug)]
pub(super) struct Hostile {
    /// Every kind.
    pub(super) attacks: Vec<Attack>,
    /// Where an honest case stands that was pushed after all of them, by code.
    pub(super) afterwards: &'static str,
    /// The devices; what they sent is sent again in the end.
    pub(super) devices: Vec<Rogue>,
}

impl Hostile {
    /// Whether every attack was answered as promised; in words what was looked at, or what is
    /// broken.
    pub(super) fn finding(&self) -> Result<String, String> {
        if let Some(broken) = self.attacks.iter().find(|attack| !attack.was_held()) {
            return Err(format!(
                "{} {}：应为 expected {}，实为 got {}，后续 followers {:?}，同批 honest {:?}",
                broken.zh, broken.en, broken.expected, broken.code, broken.followers, broken.honest
            ));
        }
        if self.attacks.is_empty() || self.afterwards != "admitted" {
            return Err(format!("攻击之后 afterwards: {}", self.afterwards));
        }
        let honest = self.attacks.iter().filter(|attack| attack.honest.is_some());
        let followers: usize = self
            .attacks
            .iter()
            .map(|attack| attack.followers.len())
            .sum();
        Ok(format!(
            "{} 种 kinds；{followers} 处依赖修改受阻 blocked；同批 {} 件诚实案卷入卷 honest cases admitted",
            self.attacks.len(),
            honest.count()
        ))
    }
}

/// Plays the attacks.
pub(super) fn play(stage: &Stage, progress: &Progress) -> Result<Hostile, CliError> {
    let [rogue, neighbour] = stage.rogues()?;
    let mut attacks = Vec::new();
    for hostile in changes(&rogue, &neighbour, stage)? {
        attacks.push(hostile.send(&rogue)?);
    }
    for hostile in hostile_bodies::all(&rogue) {
        attacks.push(hostile.send(&rogue)?);
    }
    let (_, honest) = rogue.honest_case()?;
    let verdicts = rogue.push(&[(Rogue::record_id(), honest.raw_bytes().to_vec())])?;
    let held = attacks.iter().filter(|attack| attack.was_held()).count();
    progress.line(&format!(
        "一台恶意设备发送 {} 种敌意内容，{held} 种按约应答；同批的诚实案卷仅作记录、不上报 \
         a rogue device sent {} kinds of hostile bytes, {held} were answered as promised; \
         the honest cases beside them were only noted",
        attacks.len(),
        attacks.len()
    ));
    Ok(Hostile {
        attacks,
        afterwards: verdicts.first().map_or("", Verdict::code),
        devices: vec![rogue, neighbour],
    })
}

/// A hostile change, and changes that build on it.
struct HostileChange {
    zh: &'static str,
    en: &'static str,
    expected: &'static str,
    record: RecordId,
    bytes: Vec<u8>,
    followers: Vec<Vec<u8>>,
}

impl HostileChange {
    fn new(
        (zh, en): (&'static str, &'static str),
        expected: &'static str,
        record: RecordId,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            zh,
            en,
            expected,
            record,
            bytes: bytes.into(),
            followers: Vec::new(),
        }
    }

    fn send(self, rogue: &Rogue) -> Result<Attack, RogueError> {
        let (_, honest) = rogue.honest_case()?;
        let mut items: Vec<Item> = vec![(self.record, self.bytes)];
        let followers = self.followers.into_iter();
        items.extend(followers.map(|bytes| (self.record, bytes)));
        items.push((Rogue::record_id(), honest.raw_bytes().to_vec()));
        let verdicts = rogue.push(&items)?;
        let codes: Vec<&'static str> = verdicts.iter().map(Verdict::code).collect();
        Ok(Attack {
            zh: self.zh,
            en: self.en,
            expected: self.expected,
            code: match verdicts.first() {
                Some(Verdict::Refused { code }) => code.clone(),
                _ => codes.first().copied().unwrap_or_default().to_owned(),
            },
            followers: codes[1..codes.len() - 1].to_vec(),
            honest: codes.last().copied(),
        })
    }
}

fn set_title(title: &str) -> Command {
    Command::Set {
        field: "title".to_owned(),
        value: Value::Text(title.to_owned()),
        shown: None,
    }
}

/// The neighbour's case, with a proposal, which the rogue edited once like any colleague.
struct Target {
    record: RecordId,
    /// Before the rogue's edit.
    before: Automerge,
    /// After it.
    document: Automerge,
    proposal: EntryId,
}

impl Target {
    fn prepare(rogue: &Rogue, neighbour: &Rogue) -> Result<Self, RogueError> {
        let record = Rogue::record_id();
        let (mut before, begun) = neighbour.honest_case()?;
        let proposal = Rogue::entry_id();
        let propose = Command::Propose {
            id: proposal,
            proposal: Box::new(Proposal {
                step: Step::SelfHandle,
                by: neighbour.person.clone(),
                at_ms: SystemClock.now_ms(),
                offset_ms: Some(0),
                seen: LogPosition::default(),
                details: StepDetails {
                    result: Some(RESULT.to_owned()),
                    ..StepDetails::default()
                },
            }),
        };
        let proposed = neighbour.write(&mut before, &[propose])?;
        must_be_admitted(
            neighbour,
            &[begun, proposed].map(|change| (record, change.raw_bytes().to_vec())),
        )?;
        let mut document = before.clone();
        let own = rogue.write(&mut document, &[set_title(RETITLED)])?;
        must_be_admitted(rogue, &[(record, own.raw_bytes().to_vec())])?;
        Ok(Self {
            record,
            before,
            document,
            proposal,
        })
    }
}

/// What the attacks start from is honest; if it is not taken, nothing that follows says anything.
fn must_be_admitted(device: &Rogue, items: &[Item]) -> Result<(), RogueError> {
    let verdicts = device.push(items)?;
    let refused = verdicts
        .iter()
        .find(|verdict| !matches!(verdict, Verdict::Admitted { .. }));
    refused.map_or(Ok(()), |verdict| {
        Err(RogueError::Refused {
            status: 200,
            code: verdict.code().to_owned(),
        })
    })
}

fn changes(
    rogue: &Rogue,
    neighbour: &Rogue,
    stage: &Stage,
) -> Result<Vec<HostileChange>, CliError> {
    let target = Target::prepare(rogue, neighbour)?;
    let mut hostile = malformed(rogue, &target)?;
    hostile.extend(forged(rogue, neighbour, &target)?);
    let (_, elsewhere) = rogue.begin(
        Kind::Visit,
        &stage.phones[0].grid,
        [("outcome", "nobody_home")],
    )?;
    hostile.push(HostileChange::new(
        ("从未负责的区域内的走访", "a visit in an area never held"),
        "area_never_held",
        Rogue::record_id(),
        elsewhere.raw_bytes(),
    ));
    // Last, because what the rogue builds on it stays blocked.
    hostile.push(sealed(rogue, &target)?);
    Ok(hostile)
}

/// Bytes that are not the change that they were.
fn malformed(rogue: &Rogue, target: &Target) -> Result<Vec<HostileChange>, RogueError> {
    let honest = rogue.write(&mut target.document.clone(), &[set_title("改题")])?;
    let honest = honest.raw_bytes();
    let of =
        |names, expected, bytes: Vec<u8>| HostileChange::new(names, expected, target.record, bytes);
    let last = honest.len() - 1;
    let mut flipped = honest.to_vec();
    flipped[last] ^= 1;
    let mut foreign = honest.to_vec();
    foreign[0] ^= 1;
    let mut oversized = honest.to_vec();
    oversized.resize(limits::MAX_CHANGE_BYTES + 1, 0);
    let mut long = rogue.begin(
        Kind::Case,
        &rogue.grid,
        [
            ("title", "压缩的案卷"),
            ("category", "01014"),
            ("description", &"压缩".repeat(WORTH_DEFLATING / 2)),
        ],
    )?;
    Ok(vec![
        of(("校验和错误", "a wrong checksum"), "bad_checksum", flipped),
        of(
            ("截断的修改", "a truncated change"),
            "malformed",
            honest[..last / 2].to_vec(),
        ),
        of(
            ("尾部多余字节", "trailing bytes"),
            "trailing_bytes",
            [honest, b"tail".as_slice()].concat(),
        ),
        of(
            ("错误的文件头", "a wrong magic number"),
            "bad_magic",
            foreign,
        ),
        of(
            ("不是修改的数据块", "a chunk that is a document"),
            "not_a_change",
            target.document.save(),
        ),
        HostileChange::new(
            ("压缩的修改", "a compressed change"),
            "compressed_change",
            Rogue::record_id(),
            long.1.bytes().to_vec(),
        ),
        of(
            ("过大的修改", "an oversized change"),
            "too_large",
            oversized,
        ),
    ])
}

/// Sound changes that are somebody else's, or that were written before.
fn forged(
    rogue: &Rogue,
    neighbour: &Rogue,
    target: &Target,
) -> Result<Vec<HostileChange>, RogueError> {
    let (_, foreign) = neighbour.honest_case()?;
    let second = rogue.write(&mut target.before.clone(), &[set_title("同号另写")])?;
    let comment = Command::Comment {
        id: Rogue::entry_id(),
        comment: Comment {
            text: "冒名批注".to_owned(),
            by: neighbour.person.clone(),
            at_ms: SystemClock.now_ms(),
        },
    };
    let (mut own, begun) = rogue.honest_case()?;
    let record = Rogue::record_id();
    must_be_admitted(rogue, &[(record, begun.raw_bytes().to_vec())])?;
    let in_their_name = rogue.write(&mut own, &[comment])?;
    Ok(vec![
        HostileChange::new(
            ("冒用他人设备的作者", "another device's actor"),
            "foreign_actor",
            Rogue::record_id(),
            foreign.raw_bytes(),
        ),
        HostileChange::new(
            ("冒用他人姓名", "words in another person's name"),
            "author_forged",
            record,
            in_their_name.raw_bytes(),
        ),
        HostileChange::new(
            ("重复使用的作者序号", "a reused (actor, seq)"),
            "actor_seq_reused",
            target.record,
            second.raw_bytes(),
        ),
    ])
}

/// A write into the neighbour's proposal, past every command, with honest edits on top.
fn sealed(rogue: &Rogue, target: &Target) -> Result<HostileChange, RogueError> {
    let mut document = target.document.clone();
    document.set_actor(rogue.actor.clone());
    let (_, proposals) = document
        .get(ROOT, "proposals")?
        .ok_or(RogueError::NothingWritten)?;
    let options = |_: &()| CommitOptions::default().with_time(SystemClock.now_ms());
    document
        .transact_with(options, |tx| -> Result<(), AutomergeError> {
            tx.put(
                &proposals,
                target.proposal.to_string(),
                ScalarValue::from("{}"),
            )
        })
        .map_err(|failure| failure.error)?;
    let change = document
        .get_last_local_change()
        .ok_or(RogueError::NothingWritten)?;
    let first = rogue.write(&mut document, &[set_title("其后")])?;
    let second = rogue.write(&mut document, &[set_title("再后")])?;
    let mut hostile = HostileChange::new(
        ("写入他人的步骤", "a write into somebody's proposal"),
        "proposal_sealed",
        target.record,
        change.raw_bytes(),
    );
    hostile.followers = [first, second]
        .iter()
        .map(|change| change.raw_bytes().to_vec())
        .collect();
    Ok(hostile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attack() -> Attack {
        Attack {
            zh: "校验和错误",
            en: "a wrong checksum",
            expected: "bad_checksum",
            code: "bad_checksum".to_owned(),
            followers: vec!["blocked_by"],
            honest: Some("admitted"),
        }
    }

    fn finding(attack: Attack) -> Result<String, String> {
        let hostile = Hostile {
            attacks: vec![attack],
            afterwards: "admitted",
            devices: Vec::new(),
        };
        hostile.finding()
    }

    #[test]
    fn another_code_a_follower_let_in_or_an_honest_case_kept_out_breaks_the_promise() {
        assert!(finding(attack()).is_ok());
        let broken = [
            Attack {
                code: "malformed".to_owned(),
                ..attack()
            },
            Attack {
                followers: vec!["admitted"],
                ..attack()
            },
            Attack {
                honest: Some("refused"),
                ..attack()
            },
        ];
        for attack in broken {
            assert!(finding(attack).is_err());
        }
    }

    #[test]
    fn a_server_that_takes_nothing_afterwards_breaks_the_promise() {
        let hostile = Hostile {
            attacks: vec![attack()],
            afterwards: "received",
            devices: Vec::new(),
        };
        assert!(hostile.finding().is_err());
    }
}
