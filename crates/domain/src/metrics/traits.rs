//! What may be so of a case, and all that is.

use super::facts::CaseFacts;
use crate::workflow::Stage;

/// What may be so of a case.
/// A store keeps the place of each as a bit ([`TraitSet`]): a new one comes last, and what is stored is made
/// anew by a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trait {
    /// 有效件: neither taken back, nor void, nor a duplicate, which is counted once, with the other.
    Counts,
    /// A resident asked, by whatever way.
    FromResident,
    /// 先行发现: the grid found it.
    FoundFirst,
    /// It is filed.
    Filed,
    /// It is filed, or was dealt with on the spot.
    FiledOrSelfHandled,
    /// It was handled.
    Handled,
    /// It was handled by its deadline.
    HandledInTime,
    /// It is closed.
    Closed,
    /// It is closed, not by force, and was handled by its deadline.
    ClosedInTime,
    /// It was sent back for rework.
    Reworked,
    /// No department sent it back.
    NeverReturned,
    /// An office answered within 24 hours.
    AnsweredInTime,
    /// The resident says that it is solved.
    Solved,
    /// The resident rates it 4 or 5.
    Satisfied,
    /// The parties agreed.
    Agreed,
}

impl Trait {
    /// Every trait, in the order of their bits.
    pub const ALL: [Self; 15] = [
        Self::Counts,
        Self::FromResident,
        Self::FoundFirst,
        Self::Filed,
        Self::FiledOrSelfHandled,
        Self::Handled,
        Self::HandledInTime,
        Self::Closed,
        Self::ClosedInTime,
        Self::Reworked,
        Self::NeverReturned,
        Self::AnsweredInTime,
        Self::Solved,
        Self::Satisfied,
        Self::Agreed,
    ];

    /// Whether it is so.
    pub fn holds(self, case: &CaseFacts) -> bool {
        let by = |done: Option<i64>, due: Option<i64>| {
            done.is_some_and(|done| due.is_some_and(|due| done <= due))
        };
        let handled_in_time = by(case.handled_ms, case.due_ms);
        match self {
            Self::Counts => !matches!(
                case.stage,
                Stage::Withdrawn | Stage::Void | Stage::Duplicate
            ),
            Self::FromResident => !case.channel.is_proactive(),
            Self::FoundFirst => case.channel.is_proactive(),
            Self::Filed => case.filed_ms.is_some(),
            Self::FiledOrSelfHandled => case.filed_ms.is_some() || case.stage == Stage::SelfHandled,
            Self::Handled => case.handled_ms.is_some(),
            Self::HandledInTime => handled_in_time,
            Self::Closed => case.closed_ms.is_some(),
            Self::ClosedInTime => case.closed_ms.is_some() && !case.forced && handled_in_time,
            Self::Reworked => case.reworks > 0,
            Self::NeverReturned => case.returns == 0,
            Self::AnsweredInTime => by(case.answered_ms, case.answer_due_ms),
            Self::Solved => case.solved,
            Self::Satisfied => case.rating >= 4,
            Self::Agreed => case.agreed,
        }
    }

    /// What it says, in both languages.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Counts => "有效件 not withdrawn, void or a duplicate",
            Self::FromResident => "群众诉求 a resident asked",
            Self::FoundFirst => "网格先行发现 the grid found it",
            Self::Filed => "已立案 filed",
            Self::FiledOrSelfHandled => "已立案或自行处置 filed, or handled on the spot",
            Self::Handled => "已处置 handled",
            Self::HandledInTime => "按期处置 handled by the deadline",
            Self::Closed => "已结案 closed",
            Self::ClosedInTime => "按期结案 closed, not by force, handled by the deadline",
            Self::Reworked => "曾返工 sent back for rework",
            Self::NeverReturned => "未被回退 no department sent it back",
            Self::AnsweredInTime => "24小时内答复 answered within 24 hours",
            Self::Solved => "群众认为已解决 solved in the resident's eyes",
            Self::Satisfied => "评分4分以上 rated 4 or 5",
            Self::Agreed => "达成协议 the parties agreed",
        }
    }
}

/// All that is so of a case, as a store keeps it beside the case: one bit for each [`Trait`]. Nothing in it
/// depends on when one asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraitSet(u32);

impl TraitSet {
    /// All that is so of this case.
    pub fn of(case: &CaseFacts) -> Self {
        let held = Trait::ALL.into_iter().filter(|part| part.holds(case));
        Self(held.fold(0, |bits, part| bits | Self::bit(part)))
    }

    /// As it is stored.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// As it was stored.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Whether that is so.
    pub const fn has(self, part: Trait) -> bool {
        self.0 & Self::bit(part) != 0
    }

    const fn bit(part: Trait) -> u32 {
        1 << (part as u32)
    }
}
