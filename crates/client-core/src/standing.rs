//! What became of a worker's own words, in the words of the worker.

use serde::{Deserialize, Serialize};

/// Where an own change, or the worst of a record's own changes, stands.
///
/// Ordered from settled to what needs attention most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// 已入卷: in the case log. Also a record without changes of one's own.
    InLog,
    /// 服务器已收到: durable on the server, not yet judged.
    Received,
    /// 待社区复核: durable; an office decides.
    Review,
    /// 等待前序内容: durable, but something that it builds on has not arrived.
    Waiting,
    /// 在本机: committed here, the server does not have it yet.
    OnThisPhone,
    /// 前面的修改被退回: it builds on something that was refused.
    Blocked,
    /// 被退回，需要您处理: refused twice; the words are kept here until the worker decides.
    NeedsYou,
    /// 已丢失: it was in the case log and left this phone; then an older backup of the server was put
    /// back. Another phone may still give it back.
    Lost,
}

impl Standing {
    /// Every standing, settled first.
    pub const ALL: [Self; 8] = [
        Self::InLog,
        Self::Received,
        Self::Review,
        Self::Waiting,
        Self::OnThisPhone,
        Self::Blocked,
        Self::NeedsYou,
        Self::Lost,
    ];

    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InLog => "in_log",
            Self::Received => "received",
            Self::Review => "review",
            Self::Waiting => "waiting",
            Self::OnThisPhone => "on_this_phone",
            Self::Blocked => "blocked",
            Self::NeedsYou => "needs_you",
            Self::Lost => "lost",
        }
    }

    /// The standing of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|standing| standing.code() == code)
    }

    /// What a worker reads, in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::InLog => "已入卷",
            Self::Received => "服务器已收到",
            Self::Review => "待社区复核",
            Self::Waiting => "等待前序内容",
            Self::OnThisPhone => "在本机",
            Self::Blocked => "前面的修改被退回",
            Self::NeedsYou => "被退回，需要您处理",
            Self::Lost => "已丢失，请告知社区",
        }
    }

    /// The same in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::InLog => "in the case log",
            Self::Received => "received by the server",
            Self::Review => "waiting for the community's review",
            Self::Waiting => "waiting for what it builds on",
            Self::OnThisPhone => "on this phone",
            Self::Blocked => "an earlier change was sent back",
            Self::NeedsYou => "sent back, needs you",
            Self::Lost => "lost, tell your office",
        }
    }

    /// Its place in the order, as the store keeps it.
    pub(crate) const fn rank(self) -> i64 {
        self as i64
    }

    /// The standing at that place.
    pub(crate) fn from_rank(rank: i64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|standing| standing.rank() == rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standing_survives_its_code_and_its_rank() {
        for standing in Standing::ALL {
            assert_eq!(Standing::from_code(standing.code()), Some(standing));
            assert_eq!(Standing::from_rank(standing.rank()), Some(standing));
        }
    }
}
