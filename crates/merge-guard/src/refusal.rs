//! Why a change is refused.
//!
//! A refusal travels to the phone, to the office's quarantine list and into logs. It names ids
//! and counts and never quotes what a change writes (DESIGN section 9).

use automerge::ActorId;
use automerge::ChangeHash;

/// Why a change was refused. [`Refusal::code`] is stable; the texts are not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The chunk is larger than [`Limits::max_change_bytes`](crate::Limits::max_change_bytes).
    #[error("the change has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// Size received, in bytes.
        bytes: usize,
        /// Size allowed, in bytes.
        limit: usize,
    },
    /// The bytes do not begin with Automerge's magic number.
    #[error("the bytes do not begin with Automerge's magic number")]
    BadMagic,
    /// The chunk's checksum is not that of its contents.
    #[error("the checksum is not that of the change {hash}")]
    BadChecksum {
        /// Hash of the contents as received.
        hash: ChangeHash,
    },
    /// The change, or one of its columns, is deflated. Phones send them uncompressed.
    #[error("the change is compressed")]
    CompressedChange,
    /// The chunk is a document, a bundle or of an unknown type.
    #[error("the chunk is of type {chunk_type}, not a change")]
    NotAChange {
        /// Chunk type byte.
        chunk_type: u8,
    },
    /// A part of the change cannot be read.
    #[error("the {what} of the change cannot be read")]
    Malformed {
        /// The part.
        what: &'static str,
    },
    /// Bytes follow the change, or follow its columns inside the chunk.
    #[error("{count} bytes follow the change")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// The bytes differ from the one canonical encoding of what they say, so a document that
    /// holds the change would compute another hash for it after loading.
    #[error("the change {hash} is not in canonical form")]
    NotCanonical {
        /// The change.
        hash: ChangeHash,
    },
    /// More operations, or more overwritten operations, than allowed.
    #[error("the change declares more than {limit} operations")]
    TooManyOps {
        /// The cap that was passed.
        limit: u64,
    },
    /// More dependencies than [`Limits::max_deps`](crate::Limits::max_deps).
    #[error("the change declares {count} dependencies, more than {limit}")]
    TooManyDeps {
        /// How many.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// More other actors than [`Limits::max_actors`](crate::Limits::max_actors).
    #[error("the change names {count} other actors, more than {limit}")]
    TooManyActors {
        /// How many.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The commit message is longer than allowed.
    #[error("the commit message has {bytes} bytes, more than {limit}")]
    MessageTooLong {
        /// Length, in bytes.
        bytes: usize,
        /// Length allowed, in bytes.
        limit: usize,
    },
    /// An actor id does not have 16 bytes, or the list of other actors is not sorted and unique.
    #[error("an actor id of the change is not valid")]
    BadActor,
    /// The change's actor is not one that the device's certificate names.
    #[error("actor {actor} does not belong to the device")]
    ForeignActor {
        /// The actor that wrote the change.
        actor: ActorId,
    },
    /// The counter of the first operation is too close to the end of Automerge's 32 bits.
    #[error("the first operation has counter {start_op}, more than {limit}")]
    StartOpTooLarge {
        /// Counter of the first operation.
        start_op: u64,
        /// Largest counter allowed.
        limit: u64,
    },
    /// The change's time is before 1970 or after [`Limits::max_time_ms`](crate::Limits::max_time_ms).
    #[error("the change's time, {time_ms} ms, is out of range")]
    TimeOutOfRange {
        /// The time, in milliseconds since 1970.
        time_ms: i64,
    },
    /// The change has no operations. Gridlog never records one.
    #[error("the change has no operations")]
    EmptyChange,
    /// The actor's previous change is not in the record, although every dependency is.
    #[error("actor {actor} sends change {seq}, expected {expected}")]
    SeqGap {
        /// The actor.
        actor: ActorId,
        /// Sequence number received.
        seq: u64,
        /// Sequence number expected.
        expected: u64,
    },
    /// The record holds another change with the same actor and sequence number.
    #[error("actor {actor} already has another change {seq}")]
    ActorSeqReused {
        /// The actor.
        actor: ActorId,
        /// The sequence number.
        seq: u64,
    },
    /// The actor's previous change is not among the dependencies.
    #[error("change {seq} of actor {actor} does not depend on the actor's previous change")]
    OwnPreviousMissing {
        /// The actor.
        actor: ActorId,
        /// The sequence number.
        seq: u64,
    },
    /// The first counter is not one more than the largest counter of the dependencies.
    #[error("the first operation has counter {start_op}, expected {expected}")]
    StartOpWrong {
        /// Counter received.
        start_op: u64,
        /// Counter expected.
        expected: u64,
    },
    /// A change without dependencies for a record that already has its first change.
    #[error("the record already has its first change")]
    SecondGenesis,
    /// Stored changes of which none is the record's first.
    #[error("the record's first change is missing")]
    GenesisMissing,
    /// Stored changes lack a change that one of them depends on.
    #[error("the record lacks change {missing}")]
    MissingDependency {
        /// The change that is not there.
        missing: ChangeHash,
    },
    /// The change names an actor that its author cannot have known.
    #[error("the change names actor {actor}, unknown at its dependencies")]
    UnknownActor {
        /// The actor.
        actor: ActorId,
    },
    /// An operation overwrites something that its author cannot have seen at that place.
    #[error("operation {op} overwrites {pred}, which is not there")]
    BadPred {
        /// The operation, as `counter@actor`.
        op: String,
        /// The operation it names, or `nothing` where it has to name one.
        pred: String,
    },
    /// An operation writes in an object that its author cannot have seen.
    #[error("operation {op} writes in {object}, which is not an object there")]
    MissingObject {
        /// The operation, as `counter@actor`.
        op: String,
        /// The object, as `counter@actor`.
        object: String,
    },
    /// A map key on a list or text, a position on a map, a position that does not exist, or an
    /// empty or overlong key.
    #[error("operation {op} names a place that its object does not have")]
    BadKey {
        /// The operation, as `counter@actor`.
        op: String,
    },
    /// An operation or value that no record uses: counters, marks, tables, unknown value types,
    /// objects inside text, numbers that are not finite.
    #[error("operation {op} is of a kind that records do not use")]
    UnsupportedOp {
        /// The operation, as `counter@actor`.
        op: String,
    },
    /// Objects nest deeper than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("operation {op} is nested deeper than {limit} objects")]
    TooDeep {
        /// The operation, as `counter@actor`.
        op: String,
        /// Depth allowed.
        limit: usize,
    },
    /// Automerge panicked. What it said is dropped unread.
    #[error("Automerge panicked at: {stage}")]
    AutomergePanicked {
        /// What was being done.
        stage: &'static str,
    },
    /// Automerge returned an error for a change that this crate found sound.
    #[error("Automerge refused at: {stage}")]
    AutomergeRefused {
        /// What was being done.
        stage: &'static str,
    },
    /// The document with the change does not load again as the same document.
    #[error("with change {hash} the saved document does not load as the same document")]
    DoesNotReload {
        /// The change.
        hash: ChangeHash,
    },
    /// The caller's policy refused the change; the code is the policy's.
    #[error("{0}")]
    Policy(PolicyRefusal),
}

/// What a policy answers when it refuses a sound change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct PolicyRefusal {
    /// Stable code in snake case.
    pub code: &'static str,
    /// Which field or entry, without record contents.
    pub detail: String,
}

impl Refusal {
    /// Every code of this crate, in the order of the checks. Codes of policies are not here.
    pub const ALL_CODES: &'static [&'static str] = &[
        "too_large",
        "bad_magic",
        "bad_checksum",
        "compressed_change",
        "not_a_change",
        "malformed",
        "trailing_bytes",
        "not_canonical",
        "too_many_ops",
        "too_many_deps",
        "too_many_actors",
        "message_too_long",
        "bad_actor",
        "foreign_actor",
        "start_op_too_large",
        "time_out_of_range",
        "empty_change",
        "seq_gap",
        "actor_seq_reused",
        "own_previous_missing",
        "start_op_wrong",
        "second_genesis",
        "genesis_missing",
        "missing_dependency",
        "unknown_actor",
        "bad_pred",
        "missing_object",
        "bad_key",
        "unsupported_op",
        "too_deep",
        "automerge_panicked",
        "automerge_refused",
        "does_not_reload",
    ];

    /// The stable code, in snake case, of the wire and of the office's quarantine list.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::BadMagic => "bad_magic",
            Self::BadChecksum { .. } => "bad_checksum",
            Self::CompressedChange => "compressed_change",
            Self::NotAChange { .. } => "not_a_change",
            Self::Malformed { .. } => "malformed",
            Self::TrailingBytes { .. } => "trailing_bytes",
            Self::NotCanonical { .. } => "not_canonical",
            Self::TooManyOps { .. } => "too_many_ops",
            Self::TooManyDeps { .. } => "too_many_deps",
            Self::TooManyActors { .. } => "too_many_actors",
            Self::MessageTooLong { .. } => "message_too_long",
            Self::BadActor => "bad_actor",
            Self::ForeignActor { .. } => "foreign_actor",
            Self::StartOpTooLarge { .. } => "start_op_too_large",
            Self::TimeOutOfRange { .. } => "time_out_of_range",
            Self::EmptyChange => "empty_change",
            Self::SeqGap { .. } => "seq_gap",
            Self::ActorSeqReused { .. } => "actor_seq_reused",
            Self::OwnPreviousMissing { .. } => "own_previous_missing",
            Self::StartOpWrong { .. } => "start_op_wrong",
            Self::SecondGenesis => "second_genesis",
            Self::GenesisMissing => "genesis_missing",
            Self::MissingDependency { .. } => "missing_dependency",
            Self::UnknownActor { .. } => "unknown_actor",
            Self::BadPred { .. } => "bad_pred",
            Self::MissingObject { .. } => "missing_object",
            Self::BadKey { .. } => "bad_key",
            Self::UnsupportedOp { .. } => "unsupported_op",
            Self::TooDeep { .. } => "too_deep",
            Self::AutomergePanicked { .. } => "automerge_panicked",
            Self::AutomergeRefused { .. } => "automerge_refused",
            Self::DoesNotReload { .. } => "does_not_reload",
            Self::Policy(refusal) => refusal.code,
        }
    }
}

/// One line in Chinese and one in English about a code of [`Refusal::ALL_CODES`]; `None` for a
/// code of another crate.
pub fn describe(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "too_large" => ("改动字节数超过上限", "The change is larger than allowed"),
        "bad_magic" => ("不是 Automerge 数据", "The bytes are not Automerge data"),
        "bad_checksum" => (
            "校验和不符，数据已损坏或被改动",
            "The checksum does not match",
        ),
        "compressed_change" => ("不接受压缩的改动", "Compressed changes are not accepted"),
        "not_a_change" => ("数据块不是一次改动", "The chunk is not a change"),
        "malformed" => ("改动无法解析", "The change cannot be read"),
        "trailing_bytes" => ("改动之后有多余字节", "Bytes follow the change"),
        "not_canonical" => ("改动不是规范编码", "The change is not in canonical form"),
        "too_many_ops" => ("改动的操作数超过上限", "The change has too many operations"),
        "too_many_deps" => (
            "改动的依赖数超过上限",
            "The change has too many dependencies",
        ),
        "too_many_actors" => ("改动提到的写入者过多", "The change names too many actors"),
        "message_too_long" => ("改动的附言过长", "The commit message is too long"),
        "bad_actor" => ("写入者编号无效", "An actor id is not valid"),
        "foreign_actor" => (
            "写入者不属于本设备",
            "The actor does not belong to the device",
        ),
        "start_op_too_large" => ("起始操作号过大", "The first operation number is too large"),
        "time_out_of_range" => ("改动时间超出范围", "The change's time is out of range"),
        "empty_change" => ("改动没有任何操作", "The change has no operations"),
        "seq_gap" => ("写入者的改动序号不连续", "The actor's sequence has a gap"),
        "actor_seq_reused" => (
            "写入者的改动序号被重复使用",
            "The actor's sequence number is used twice",
        ),
        "own_previous_missing" => (
            "改动没有依赖写入者的上一次改动",
            "The change does not depend on its actor's previous one",
        ),
        "start_op_wrong" => (
            "起始操作号与依赖不符",
            "The first operation number is wrong",
        ),
        "second_genesis" => (
            "记录已有首次改动",
            "The record already has its first change",
        ),
        "genesis_missing" => ("记录缺少首次改动", "The record's first change is missing"),
        "missing_dependency" => ("记录缺少所依赖的改动", "The record lacks a change it needs"),
        "unknown_actor" => ("改动提到未知的写入者", "The change names an unknown actor"),
        "bad_pred" => (
            "改动覆盖了不存在的内容",
            "The change overwrites something that is not there",
        ),
        "missing_object" => (
            "改动写入了不存在的对象",
            "The change writes in an object that is not there",
        ),
        "bad_key" => (
            "改动的位置无效",
            "The change names a place that does not exist",
        ),
        "unsupported_op" => (
            "记录不使用这种操作",
            "Records do not use this kind of operation",
        ),
        "too_deep" => ("对象嵌套过深", "Objects are nested too deeply"),
        "automerge_panicked" => ("合并库异常终止", "The merge library panicked"),
        "automerge_refused" => ("合并库拒绝了改动", "The merge library refused the change"),
        "does_not_reload" => (
            "合并后的文档无法重新载入",
            "The merged document does not load again",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Refusal, describe};

    #[test]
    fn every_code_is_unique_and_described_in_both_languages() {
        let mut codes = Refusal::ALL_CODES.to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Refusal::ALL_CODES.len());
        for code in codes {
            let (zh, en) = describe(code).expect("described");
            assert!(!zh.is_ascii() && en.is_ascii(), "{code}");
        }
    }

    #[test]
    fn a_code_of_another_crate_is_not_described_here() {
        assert_eq!(describe("proposal_sealed"), None);
    }
}
