//! A request that an app sends, and the case that it becomes.

use axum::http::StatusCode;
use gridlog_domain::channel::Channel;
use gridlog_domain::record::{Crs, Fix, Place};
use gridlog_domain::reference::Catalogue;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::answer::Refused;
use crate::config::Open311Client;
use crate::ingest::{Caller, Delivery};

/// Longest description, in characters, as the specification has it.
const DESCRIPTION: usize = 4_000;
/// Longest address of a picture.
const URL: usize = 500;
/// Longest address, in characters: twelve parts of a hundred.
const ADDRESS: usize = 1_200;
/// The hour of the district's clock, which is in numbers.
const ZONE: &str = "Asia/Shanghai";

/// The arguments of a request. An empty one is as good as none, and of one that comes twice the first
/// counts.
pub(super) struct Arguments(Vec<(String, String)>);

impl Arguments {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        values.find_map(|(_, value)| Some(value.trim()).filter(|value| !value.is_empty()))
    }

    /// Every value of an argument, comma by comma.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(key, _)| key == name);
        let parts = values.flat_map(|(_, value)| value.split(','));
        let parts = parts.map(|part| part.trim().to_owned());
        parts.filter(|part| !part.is_empty()).collect()
    }
}

/// A fresh number of the day: what a person can read out.
pub(super) fn number(now_ms: i64, random: u64) -> String {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let day = now.to_zoned(zone).strftime("%Y%m%d").to_string();
    format!("{day}-{:08}", random % 100_000_000)
}

/// What the arguments report.
pub(super) fn delivery(
    client: &Open311Client,
    arguments: &Arguments,
    catalogue: &Catalogue,
    (number, now_ms): (String, i64),
) -> Result<Delivery, Refused> {
    let code = arguments
        .get("service_code")
        .ok_or_else(|| Refused::missing("service_code"))?;
    let service = catalogue.minor(code);
    let service = service.ok_or_else(|| Refused::not_found("service_code"))?;
    let place = place(arguments, now_ms)?;
    let mut description = arguments.get("description").unwrap_or_default().to_owned();
    if description.chars().count() > DESCRIPTION {
        return Err(Refused::bad("description 过长：at most 4000 characters"));
    }
    if let Some(url) = media(arguments)? {
        if !description.is_empty() {
            description.push('\n');
        }
        description.push_str(&format!("图片 media: {url}"));
    }
    Ok(Delivery {
        by: client.by.as_str().into(),
        channel: Channel::Open311,
        number: Some(number),
        reported_ms: now_ms,
        area: None,
        place: Some(place),
        category: Some(code.to_owned()),
        title: Some(service.name.clone()),
        description,
        caller: caller(arguments)?,
        photos: Vec::new(),
    })
}

fn place(arguments: &Arguments, now_ms: i64) -> Result<Place, Refused> {
    let degrees = |name: &str, most: f64| {
        let Some(said) = arguments.get(name) else {
            return Ok(None);
        };
        let degrees = said
            .parse()
            .ok()
            .filter(|degrees: &f64| degrees.abs() <= most);
        degrees
            .map(Some)
            .ok_or_else(|| Refused::bad("lat 或 long 有误：lat and long are degrees in WGS84"))
    };
    let fix = match (degrees("lat", 90.0)?, degrees("long", 180.0)?) {
        (None, None) => None,
        (Some(lat), Some(lon)) => Some(Fix {
            crs: Crs::Wgs84,
            lon,
            lat,
            accuracy_m: None,
            fixed_at_ms: now_ms,
        }),
        _ => {
            return Err(Refused::bad(
                "lat 与 long 须同时提供：send lat and long together",
            ));
        }
    };
    let address = arguments
        .get("address_string")
        .or(arguments.get("address_id"));
    let letters = address.unwrap_or_default().chars();
    let letters: Vec<char> = letters.filter(|letter| !letter.is_control()).collect();
    if letters.len() > ADDRESS {
        return Err(Refused::bad("address_string 过长：at most 1200 characters"));
    }
    if fix.is_none() && letters.is_empty() {
        return Err(Refused::missing("lat & long, address_string or address_id"));
    }
    let parts = letters.chunks(ADDRESS / 12);
    Ok(Place {
        address: parts.map(|part| part.iter().collect()).collect(),
        fix,
    })
}

fn media(arguments: &Arguments) -> Result<Option<&str>, Refused> {
    let Some(url) = arguments.get("media_url") else {
        return Ok(None);
    };
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_line = !url
        .chars()
        .any(|letter| letter.is_control() || letter == ' ');
    if is_web && is_line && url.chars().count() <= URL {
        Ok(Some(url))
    } else {
        Err(Refused::bad(
            "media_url 有误：media_url is a web address of at most 500 characters",
        ))
    }
}

/// Who reports. Ids of phones and accounts are not kept.
fn caller(arguments: &Arguments) -> Result<Option<Caller>, Refused> {
    let line = |text: String, most: usize| {
        let fits = text.chars().count() <= most && !text.chars().any(char::is_control);
        fits.then_some(text).ok_or_else(|| {
            Refused::bad("姓名或电话过长：a name has at most 64 characters, a phone number 32")
        })
    };
    let names = ["first_name", "last_name"].map(|name| arguments.get(name));
    let name: Vec<&str> = names.into_iter().flatten().collect();
    let said = |name: &str| arguments.get(name).unwrap_or_default().to_owned();
    let caller = Caller {
        name: line(name.join(" "), 64)?,
        phone: line(said("phone"), 32)?,
        notes: line(said("email"), 254)?,
    };
    let is_nobody = caller == Caller::default();
    Ok((!is_nobody).then_some(caller))
}

/// What the door says of an office's refusal.
pub(super) fn refused(error: crate::ingest::OfficeError) -> Refused {
    use crate::ingest::OfficeError;
    match error {
        OfficeError::Record(error) => Refused::bad(&format!("内容不符合要求：{error}")),
        OfficeError::Stopping => Refused {
            wait_ms: Some(5_000),
            ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, "服务器正在重启：try again")
        },
        error => {
            tracing::error!(%error, "a request through Open311 was not taken in");
            Refused::bad("未能受理，请联系我们：it could not be taken in; tell us")
        }
    }
}
