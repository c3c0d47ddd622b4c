//! What comes in at the door of cases, and the words that it becomes.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::channel::Channel;
use gridlog_domain::environment::Entropy;
use gridlog_domain::id::{AreaCode, EntryId, EntryIds, PersonId, RecordId};
use gridlog_domain::record::{
    Command, Comment, Kind, LINE, LogPosition, NewRecord, PhotoRef, PhotoRole, Place, Proposal,
    RecordView, ReferenceVersions, StepDetails, UNSORTED, Value,
};
use gridlog_domain::workflow::Step;

/// Longest description of a delivery, in characters.
pub const DESCRIPTION: usize = 4_000;
/// Longest part of a comment: an entry is bounded in bytes.
const COMMENT: usize = 2_000;
/// A title that is made from a description has so many characters at most.
const TITLE: usize = 40;

/// Somebody who called or wrote: their own record, apart from the case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Name; may be empty.
    pub name: String,
    /// Phone number; may be empty.
    pub phone: String,
    /// Anything else; may be empty.
    pub notes: String,
}

impl Caller {
    fn is_nobody(&self) -> bool {
        [&self.name, &self.phone, &self.notes]
            .iter()
            .all(|said| said.is_empty())
    }

    fn fields(&self) -> BTreeMap<String, Value> {
        let said = [
            ("type", "caller"),
            ("name", &self.name),
            ("phone", &self.phone),
            ("notes", &self.notes),
        ];
        let said = said.into_iter().filter(|(_, text)| !text.is_empty());
        said.map(|(field, text)| (field.to_owned(), Value::Text(text.to_owned())))
            .collect()
    }

    /// Whether that contact record is of the same caller.
    pub(super) fn is(&self, contact: &RecordView) -> bool {
        contact.text("name") == self.name && contact.text("phone") == self.phone
    }
}

/// A photo that lies elsewhere, by its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredPhoto {
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// The file's size in bytes.
    pub bytes: u64,
}

/// What somebody reports, by whichever way it comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Whose hand writes it: a person of an office.
    pub by: PersonId,
    /// By which way it comes.
    pub channel: Channel,
    /// Its number there; the same number again is the same case.
    pub number: Option<String>,
    /// When it was reported there, milliseconds since the Unix epoch.
    pub reported_ms: i64,
    /// Where it belongs; where the hand works, if that is not known.
    pub area: Option<AreaCode>,
    /// Where it is.
    pub place: Option<Place>,
    /// Minor class, if known.
    pub category: Option<String>,
    /// A headline, if it has one.
    pub title: Option<String>,
    /// What was said.
    pub description: String,
    /// Who said it, if they want to be called.
    pub caller: Option<Caller>,
    /// What it looks like.
    pub photos: Vec<DeliveredPhoto>,
}

/// Fresh ids for what a delivery may become.
#[derive(Debug, Clone)]
pub struct FreshIds {
    pub(super) case: RecordId,
    pub(super) contact: RecordId,
    report: EntryId,
    /// Two pieces of a description, and what else is new.
    comments: [EntryId; 3],
    photos: Vec<EntryId>,
}

impl FreshIds {
    /// Ids for a delivery.
    pub fn new(delivery: &Delivery, now_ms: i64, entropy: &mut dyn Entropy) -> Self {
        let mut ids = EntryIds::default();
        let mut entry = || ids.make(now_ms, &mut *entropy);
        let report = entry();
        let comments = [entry(), entry(), entry()];
        let photos = delivery.photos.iter().map(|_| entry()).collect();
        Self {
            report,
            comments,
            photos,
            case: RecordId::new(now_ms, &mut *entropy),
            contact: RecordId::new(now_ms, &mut *entropy),
        }
    }
}

impl Delivery {
    /// Who called, if somebody did.
    pub(super) fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref().filter(|caller| !caller.is_nobody())
    }

    /// Begins the record of who called.
    pub(super) fn begin_contact(
        &self,
        caller: &Caller,
        area: &AreaCode,
        references: &ReferenceVersions,
    ) -> Command {
        Command::Create(NewRecord {
            kind: Kind::Contact,
            area: area.clone(),
            fields: caller.fields(),
            references: references.clone(),
        })
    }

    /// Begins and reports the case.
    pub(super) fn begin_case(
        &self,
        ids: &FreshIds,
        area: &AreaCode,
        references: ReferenceVersions,
        now_ms: i64,
    ) -> Vec<Command> {
        let contact = self.caller().map(|_| ids.contact.to_string());
        let description = Some(self.description.clone()).filter(|said| !said.is_empty());
        let category = self.category.as_deref().unwrap_or(UNSORTED);
        let text = |said: Option<String>| said.map(Value::Text);
        let fields = [
            ("title", text(Some(self.headline()))),
            ("category", text(Some(category.to_owned()))),
            ("description", text(description)),
            ("place", self.place.clone().map(Value::Place)),
            ("contact", text(contact)),
            ("channel", text(Some(self.channel.code().to_owned()))),
            ("number", text(self.number.clone())),
            ("reported_at", Some(Value::Millis(self.reported_ms))),
        ];
        let fields = fields
            .into_iter()
            .filter_map(|(field, value)| Some((field.to_owned(), value?)));
        let mut commands = vec![Command::Create(NewRecord {
            kind: Kind::Case,
            area: area.clone(),
            fields: fields.collect(),
            references,
        })];
        commands.extend(self.photos(ids, now_ms, None));
        commands.push(Command::Propose {
            id: ids.report,
            proposal: Box::new(Proposal {
                step: Step::Report,
                by: self.by.clone(),
                at_ms: now_ms,
                offset_ms: Some(0),
                // The sequencer enters the log's head.
                seen: LogPosition::default(),
                details: StepDetails::default(),
            }),
        });
        commands
    }

    fn headline(&self) -> String {
        let line = |text: &str| -> String {
            let first = text.lines().map(str::trim).find(|line| !line.is_empty());
            let whole = first.unwrap_or_default().chars();
            whole.filter(|letter| !letter.is_control()).collect()
        };
        let title = self.title.as_deref().map(line).unwrap_or_default();
        if !title.is_empty() {
            return title.chars().take(LINE).collect();
        }
        let said: String = line(&self.description).chars().take(TITLE).collect();
        if said.is_empty() {
            self.channel.zh().to_owned()
        } else {
            said
        }
    }

    fn photos(&self, ids: &FreshIds, now_ms: i64, known: Option<&RecordView>) -> Vec<Command> {
        let is_known = |photo: &DeliveredPhoto| {
            let mut held = known.into_iter().flat_map(|view| view.photos.values());
            held.any(|held| held.sha256 == photo.sha256)
        };
        let new = self.photos.iter().zip(&ids.photos);
        let new = new.filter(|(photo, _)| !is_known(photo));
        new.map(|(photo, id)| Command::Photo {
            id: *id,
            photo: PhotoRef {
                sha256: photo.sha256.clone(),
                role: PhotoRole::Near,
                bytes: photo.bytes,
                by: self.by.clone(),
                at_ms: now_ms,
                preview: None,
            },
        })
        .collect()
    }

    /// What of a delivery is new to a case that has its number: comments and photos. `began` is what the
    /// case said when it began, `now` what it says now, `contact` the record of a caller that the case
    /// does not know.
    pub(super) fn news(
        &self,
        ids: &FreshIds,
        (began, now): (&RecordView, &RecordView),
        contact: Option<RecordId>,
        now_ms: i64,
    ) -> Vec<Command> {
        let mut pieces = Vec::new();
        let known = [began, now].map(|view| view.text("description"));
        if !self.description.is_empty() && !known.contains(&self.description.as_str()) {
            let letters: Vec<char> = self.description.chars().collect();
            let parts = letters.chunks(COMMENT);
            pieces.extend(parts.map(|part| part.iter().collect::<String>()));
        }
        let mut facts = self.changed_facts([began, now], contact);
        let comments = now.comments.values();
        let lines: BTreeSet<&str> = comments.flat_map(|said| said.text.lines()).collect();
        facts.retain(|fact| !lines.contains(fact.as_str()));
        if !facts.is_empty() {
            pieces.push(facts.join("\n"));
        }
        let is_said = |piece: &String| now.comments.values().any(|said| &said.text == piece);
        let new = pieces.into_iter().filter(|piece| !is_said(piece));
        let comments = new.zip(ids.comments).map(|(text, id)| {
            let comment = Comment {
                text,
                by: self.by.clone(),
                at_ms: now_ms,
            };
            Command::Comment { id, comment }
        });
        let mut news: Vec<Command> = comments.collect();
        news.extend(self.photos(ids, now_ms, Some(now)));
        news
    }

    fn changed_facts(&self, known: [&RecordView; 2], contact: Option<RecordId>) -> Vec<String> {
        let mut facts = Vec::new();
        let place = |view: &RecordView| match view.fields.get("place") {
            Some(Value::Place(place)) => place.clone(),
            _ => Place::default(),
        };
        if let Some(told) = &self.place {
            let known = known.map(place);
            let address = &told.address;
            if !address.is_empty() && known.iter().all(|place| &place.address != address) {
                facts.push(format!("位置 place: {}", address.join(" ")));
            }
            let point = |place: &Place| place.fix.as_ref().map(|fix| (fix.lon, fix.lat));
            if let Some((lon, lat)) = point(told)
                && known.iter().all(|place| point(place) != Some((lon, lat)))
            {
                facts.push(format!("坐标 coordinates: {lon}, {lat}"));
            }
        }
        if let Some(category) = &self.category
            && known.iter().all(|view| view.text("category") != category)
        {
            facts.push(format!("类别 category: {category}"));
        }
        if let Some(title) = &self.title
            && known.iter().all(|view| view.text("title") != title)
            && self.headline() == *title
        {
            facts.push(format!("标题 title: {title}"));
        }
        if let Some(contact) = contact {
            facts.push(format!("{CONTACT}{contact}"));
        }
        facts
    }
}

/// How a comment names the record of another caller.
const CONTACT: &str = "联系人 contact: ";

/// The callers that a case knows: its own, and those that came with its number later.
pub(super) fn contacts(view: &RecordView) -> Vec<RecordId> {
    let later = view
        .comments
        .values()
        .flat_map(|comment| comment.text.lines());
    let later = later.filter_map(|line| line.strip_prefix(CONTACT));
    let all = std::iter::once(view.text("contact")).chain(later);
    all.filter_map(|id| id.parse().ok()).collect()
}
