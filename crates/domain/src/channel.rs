//! By which way a case came in.

use serde::{Deserialize, Serialize};

/// By which way a case came in. It decides whose number the case carries, and whether somebody of the
/// grid found it or a resident had to ask.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// 网格上报: a worker of the grid found it.
    #[default]
    Worker,
    /// 12345热线: a resident called the hotline.
    Hotline,
    /// 网络问政: a petition online.
    Petition,
    /// 110分流: the police passed on what is none of theirs.
    Referral,
    /// 部门转办: another department passed it on.
    Transfer,
    /// 快递外卖上报: a courier's quick report.
    Courier,
    /// Open311: a city's app or site that speaks GeoReport v2.
    Open311,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 7] = [
        Self::Worker,
        Self::Hotline,
        Self::Petition,
        Self::Referral,
        Self::Transfer,
        Self::Courier,
        Self::Open311,
    ];

    /// The channel's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Hotline => "hotline",
            Self::Petition => "petition",
            Self::Referral => "referral",
            Self::Transfer => "transfer",
            Self::Courier => "courier",
            Self::Open311 => "open311",
        }
    }

    /// The channel of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.code() == code)
    }

    /// The channel's name in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Worker => "网格上报",
            Self::Hotline => "12345热线",
            Self::Petition => "网络问政",
            Self::Referral => "110分流",
            Self::Transfer => "部门转办",
            Self::Courier => "快递外卖上报",
            Self::Open311 => "开放接口",
        }
    }

    /// 先行发现: whether the grid found it before a resident had to ask. A courier is asked to look out,
    /// as workers are.
    pub const fn is_proactive(self) -> bool {
        matches!(self, Self::Worker | Self::Courier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_its_own_code_the_one_that_json_says() {
        for channel in Channel::ALL {
            assert_eq!(Channel::from_code(channel.code()), Some(channel));
            let json = serde_json::to_string(&channel).unwrap();
            assert_eq!(json, format!("\"{}\"", channel.code()));
        }
    }
}
