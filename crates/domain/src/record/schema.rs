//! Which fields a record of each kind has, and what each may hold.
//!
//! One table drives everything: what a command may set, what the genesis change must create, what
//! a reader shows, and which writes of a stranger's change are admitted. A field of personal data
//! states its purpose, legal basis and retention here (DESIGN section 9), and only visits, sites
//! and contacts have such fields (DESIGN section 3).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::channel::Channel;

/// The schema version that the genesis change writes as `v`.
pub const SCHEMA_VERSION: i64 = 1;

/// The kinds of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 巡查: one walk through a grid.
    Patrol,
    /// 走访: one visit to a household or shop.
    Visit,
    /// 案卷: one reported problem.
    Case,
    /// 场所: a building, unit, household, shop or facility.
    Site,
    /// 联系人: a caller, a party, a resident.
    Contact,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Patrol,
        Self::Visit,
        Self::Case,
        Self::Site,
        Self::Contact,
    ];

    /// The kind's code in documents and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Patrol => "patrol",
            Self::Visit => "visit",
            Self::Case => "case",
            Self::Site => "site",
            Self::Contact => "contact",
        }
    }

    /// The kind of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The kind's name in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Patrol => "巡查",
            Self::Visit => "走访",
            Self::Case => "案卷",
            Self::Site => "场所",
            Self::Contact => "联系人",
        }
    }

    /// The fields that only this kind has.
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Patrol => PATROL,
            Self::Visit => VISIT,
            Self::Case => CASE,
            Self::Site => SITE,
            Self::Contact => CONTACT,
        }
    }

    /// Every field, those common to all kinds first.
    pub fn all_fields(self) -> impl Iterator<Item = &'static Field> {
        COMMON.iter().chain(self.fields())
    }

    /// The field of that name, those common to all kinds included.
    pub fn field(self, name: &str) -> Option<&'static Field> {
        COMMON
            .iter()
            .chain(self.fields())
            .find(|field| field.name == name)
    }

    /// The field of which lists show the text.
    pub const fn headline_field(self) -> &'static str {
        match self {
            Self::Case => "title",
            Self::Site | Self::Contact => "name",
            Self::Patrol => "route",
            Self::Visit => "household",
        }
    }

    /// A headline as lists of offices show it: of one that is personal data only the first character stays
    /// (DESIGN section 9).
    pub fn masked(self, headline: &str) -> String {
        let field = self.field(self.headline_field());
        let is_personal = field.is_some_and(|field| field.personal.is_some());
        match headline.chars().next() {
            Some(first) if is_personal && headline != self.zh() => format!("{first}**"),
            _ => headline.to_owned(),
        }
    }

    /// Whether its records can hold personal data.
    pub fn holds_personal_data(self) -> bool {
        self.fields().iter().any(|field| field.personal.is_some())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What a field holds. Lengths are in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// One line, replaced as a whole.
    Line(usize),
    /// One of these codes, each with its name in Chinese.
    Word(&'static [(&'static str, &'static str)]),
    /// Long text that merges letter by letter.
    Prose(usize),
    /// A moment in milliseconds since the Unix epoch.
    Millis,
    /// A place; see [`crate::record::Place`].
    Place,
    /// The id of another record.
    Record,
}

/// Why a field of personal data may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonalData {
    /// What it is for.
    pub purpose: &'static str,
    /// The legal basis, in the words of the Personal Information Protection Law (PIPL).
    pub basis: &'static str,
    /// Days after the record was last touched.
    pub retention_days: u32,
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its key in the document.
    pub name: &'static str,
    /// Its name in Chinese.
    pub zh: &'static str,
    /// What it holds.
    pub holds: FieldType,
    /// Whether a record cannot be created without it.
    pub required: bool,
    /// Whether only the genesis change writes it.
    pub sealed: bool,
    /// Set for personal data.
    pub personal: Option<PersonalData>,
}

const fn field(name: &'static str, zh: &'static str, holds: FieldType) -> Field {
    Field {
        name,
        zh,
        holds,
        required: false,
        sealed: false,
        personal: None,
    }
}

const fn required(name: &'static str, zh: &'static str, holds: FieldType) -> Field {
    Field {
        required: true,
        ..field(name, zh, holds)
    }
}

const fn sealed(name: &'static str, zh: &'static str, holds: FieldType) -> Field {
    Field {
        sealed: true,
        ..field(name, zh, holds)
    }
}

const fn personal(name: &'static str, zh: &'static str, holds: FieldType) -> Field {
    Field {
        personal: Some(GRID_SERVICE),
        ..field(name, zh, holds)
    }
}

const GRID_SERVICE: PersonalData = PersonalData {
    purpose: "走访服务与矛盾化解 visiting and helping residents of the grid",
    basis: "PIPL art. 13(1)(3): statutory duties",
    retention_days: 730,
};

/// Longest line, in characters.
pub const LINE: usize = 200;
/// Longest prose, in characters.
pub const PROSE: usize = 20_000;

const COMMON: &[Field] = &[
    field("area", "所属区域", FieldType::Line(32)),
    field("deleted_at", "删除时间", FieldType::Millis),
];

const PATROL: &[Field] = &[
    required("started_at", "开始时间", FieldType::Millis),
    field("finished_at", "结束时间", FieldType::Millis),
    field("route", "路线", FieldType::Line(LINE)),
    field("template", "检查清单", FieldType::Line(64)),
    field("notes", "巡查记事", FieldType::Prose(PROSE)),
];

/// What became of a visit. A visit where nobody was home is a valid visit.
pub const VISIT_OUTCOMES: &[(&str, &str)] = &[
    ("met", "已见面"),
    ("nobody_home", "无人在家"),
    ("refused", "拒绝走访"),
];

const VISIT: &[Field] = &[
    required("outcome", "走访结果", FieldType::Word(VISIT_OUTCOMES)),
    field("visited_at", "走访时间", FieldType::Millis),
    field("purpose", "走访事由", FieldType::Line(LINE)),
    field("site", "走访地点", FieldType::Record),
    personal("household", "住户", FieldType::Line(LINE)),
    personal("contact", "联系人", FieldType::Record),
    personal("notes", "走访记事", FieldType::Prose(PROSE)),
    personal("place", "位置", FieldType::Place),
];

/// Longest number of a case in the channel that it came by, in characters.
pub const NUMBER: usize = 64;

/// The category of a case that came in without one; registering it says which it is.
pub const UNSORTED: &str = "00000";

const CASE: &[Field] = &[
    required("title", "标题", FieldType::Line(LINE)),
    required("category", "小类", FieldType::Line(16)),
    field("condition", "立案条件", FieldType::Line(64)),
    field("description", "情况描述", FieldType::Prose(PROSE)),
    field("place", "位置", FieldType::Place),
    field("occurred_at", "发生时间", FieldType::Millis),
    field("patrol", "来自巡查", FieldType::Record),
    field("visit", "来自走访", FieldType::Record),
    field("site", "相关场所", FieldType::Record),
    field("contact", "联系人", FieldType::Record),
    sealed("channel", "上报渠道", FieldType::Word(Channel::WORDS)),
    sealed("number", "原编号", FieldType::Line(NUMBER)),
    sealed("reported_at", "渠道登记时间", FieldType::Millis),
];

const SITE_TYPES: &[(&str, &str)] = &[
    ("building", "楼栋"),
    ("unit", "单元"),
    ("household", "户"),
    ("shop", "商铺"),
    ("facility", "设施"),
];

const SITE: &[Field] = &[
    required("type", "类型", FieldType::Word(SITE_TYPES)),
    required("name", "名称", FieldType::Line(LINE)),
    field("parent", "上级场所", FieldType::Record),
    personal("place", "位置", FieldType::Place),
    personal("notes", "备注", FieldType::Prose(PROSE)),
];

const CONTACT_TYPES: &[(&str, &str)] = &[
    ("caller", "来电人"),
    ("party", "当事人"),
    ("resident", "居民"),
];

const CONTACT: &[Field] = &[
    required("type", "类型", FieldType::Word(CONTACT_TYPES)),
    personal("name", "姓名", FieldType::Line(64)),
    personal("phone", "电话", FieldType::Line(32)),
    personal("site", "住所", FieldType::Record),
    personal("notes", "备注", FieldType::Prose(PROSE)),
];

/// The keys of a document that are neither fields of its kind nor containers. The genesis change
/// writes them and nothing may write them again.
pub(super) const SEALED_ROOT: [&str; 5] = ["v", "kind", "author", "created_at", "references"];

/// A map from entry id to entry, created by the genesis change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Container {
    /// What colleagues say; written once.
    Comments,
    /// Checklist findings; the only entries that can be edited.
    Checks,
    /// References to photos; written once.
    Photos,
    /// Workflow steps that are asked for; written once.
    Proposals,
    /// Concurrent values that lost and that nobody has resolved.
    Kept,
    /// Concurrent values that somebody saw and resolved.
    Settled,
}

impl Container {
    /// Every container, in the order in which the genesis change creates them.
    pub const ALL: [Self; 6] = [
        Self::Comments,
        Self::Checks,
        Self::Photos,
        Self::Proposals,
        Self::Kept,
        Self::Settled,
    ];

    /// Its key in the document.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Comments => "comments",
            Self::Checks => "checks",
            Self::Photos => "photos",
            Self::Proposals => "proposals",
            Self::Kept => "kept",
            Self::Settled => "settled",
        }
    }

    /// The container with that key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|container| container.key() == key)
    }

    /// Whether an entry that exists may be written again.
    pub const fn can_be_rewritten(self) -> bool {
        matches!(self, Self::Checks | Self::Kept | Self::Settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reporting_a_case_takes_at_most_three_required_fields() {
        assert!(
            Kind::Case
                .fields()
                .iter()
                .filter(|field| field.required)
                .count()
                <= 3
        );
    }

    #[test]
    fn lists_show_of_a_name_or_a_household_its_first_character() {
        assert_eq!(Kind::Contact.masked("张建国"), "张**");
        assert_eq!(Kind::Visit.masked("三栋502"), "三**");
        assert_eq!(Kind::Contact.masked("联系人"), "联系人", "it has no name");
        assert_eq!(Kind::Case.masked("井盖缺失"), "井盖缺失");
        assert_eq!(Kind::Site.masked("红星小区"), "红星小区");
    }

    #[test]
    fn only_visits_sites_and_contacts_hold_personal_data() {
        for kind in [Kind::Case, Kind::Patrol] {
            assert!(kind.fields().iter().all(|field| field.personal.is_none()));
        }
    }

    #[test]
    fn no_field_shares_its_key_with_a_container_or_a_sealed_key() {
        for kind in Kind::ALL {
            for field in COMMON.iter().chain(kind.fields()) {
                assert!(Container::from_key(field.name).is_none());
                assert!(!SEALED_ROOT.contains(&field.name));
            }
        }
    }
}
