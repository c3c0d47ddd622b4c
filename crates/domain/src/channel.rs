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
    /// 批量导入: a file of what another system had taken in.
    Import,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 8] = [
        Self::Worker,
        Self::Hotline,
        Self::Petition,
        Self::Referral,
        Self::Transfer,
        Self::Courier,
        Self::Open311,
        Self::Import,
    ];

    /// Codes and names, as a field of a record has them.
    pub const WORDS: &[(&str, &str)] = &{
        let mut words = [("", ""); Self::ALL.len()];
        let mut n = 0;
        while n < words.len() {
            words[n] = (Self::ALL[n].code(), Self::ALL[n].zh());
            n += 1;
        }
        words
    };

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
            Self::Import => "import",
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
            Self::Import => "批量导入",
        }
    }

    /// Whether what comes in this way has a number of its own there, which the case keeps.
    pub const fn has_numbers(self) -> bool {
        !matches!(self, Self::Worker | Self::Courier)
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
