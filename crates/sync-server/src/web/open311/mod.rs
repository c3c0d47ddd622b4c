//! Open311 GeoReport v2, in front of the one door of cases; see `docs/open311.md`.
//!
//! Anybody may ask what there is to report and how far a request is; who reports has a key. Only cases that
//! came by this door are shown, and nothing of who called. What anybody asks is counted against one
//! allowance, what a client asks against its own, so that neither delays phones.

mod answer;
mod post;
mod shown;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use gridlog_domain::channel::Channel;
use gridlog_domain::id::{DeviceId, RecordId};
use gridlog_domain::workflow::Stage;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use self::answer::{
    Created, Definition, Discovery, Endpoint, Form, List, Numbered, Refused, Request, Service,
    respond,
};
use self::post::Arguments;
use super::app::App;
use super::error::ApiError;
use crate::config::Open311Client;
use crate::exchange::Work;
use crate::ingest::FreshIds;
use crate::store::{RecordRow, ReportedFilter};

/// Largest request, in bytes: 4000 characters, each written as up to nine bytes, and the rest.
const LARGEST_BODY: usize = 64 * 1024;
/// Most requests of one answer, and longest span of one, as the specification has them.
const MOST: usize = 1_000;
const SPAN_MS: i64 = 90 * 24 * 60 * 60_000;
/// How often a fresh number is drawn before giving up.
const DRAWS: usize = 8;
const SPECIFICATION: &str = "http://wiki.open311.org/GeoReport_v2";

type Answered = Result<Response, Refused>;

/// The routes.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/open311/{file}", get(discover))
        .route("/open311/v2/{file}", get(list).post(report))
        .route("/open311/v2/{resource}/{file}", get(one))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// The arguments in a query or a form.
fn arguments(encoded: &[u8]) -> Result<Arguments, Refused> {
    let pairs = serde_urlencoded::from_bytes(encoded);
    pairs
        .map(Arguments::new)
        .map_err(|_| Refused::bad("参数有误：the arguments are not form-encoded UTF-8"))
}

/// Runs blocking work for a request, and answers in its form.
async fn answered(
    app: App,
    form: Form,
    work: impl FnOnce(&App) -> Answered + Send + 'static,
) -> Response {
    let done = app.work(move |app| Ok(work(app))).await;
    let failed = || Refused::bad("服务器出错，请联系我们：the server could not do it; tell us");
    done.unwrap_or_else(|_| Err(failed()))
        .unwrap_or_else(|refused| refused.response(form))
}

fn no_such_page() -> Response {
    Refused::not_found("resource").response(Form::Xml)
}

fn of_store(error: crate::store::StoreError) -> Refused {
    tracing::error!(%error, "the store failed");
    Refused::bad("服务器出错，请联系我们：the server could not do it; tell us")
}

/// Whose allowance a request is counted against.
fn payer(app: &App, arguments: &Arguments) -> DeviceId {
    let name = client(app, arguments).map_or("", |client| client.name.as_str());
    let digest = Sha256::new()
        .chain_update(b"open311:")
        .chain_update(name)
        .finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    DeviceId::from_bytes(id)
}

/// The client whose key it is, if it is one's.
fn client<'a>(app: &'a App, arguments: &Arguments) -> Option<&'a Open311Client> {
    let key = hex::encode(Sha256::digest(arguments.get("api_key")?));
    let mut clients = app.config.open311.clients.iter();
    clients.find(|client| client.key_sha256.eq_ignore_ascii_case(&key))
}

/// What every request must keep to.
fn admit(app: &App, arguments: &Arguments) -> Result<(), Refused> {
    let open311 = &app.config.open311;
    if open311.clients.is_empty() {
        return Err(Refused::not_found("endpoint"));
    }
    let own = open311
        .jurisdiction
        .as_ref()
        .unwrap_or(&app.config.district);
    if arguments
        .get("jurisdiction_id")
        .is_some_and(|named| named != own)
    {
        return Err(Refused::not_found("jurisdiction_id"));
    }
    let asked = app.let_ask(payer(app, arguments), Work::SEARCH);
    asked.map_err(|error| Refused {
        wait_ms: match error {
            ApiError::SlowDown { wait_ms } => Some(wait_ms),
            _ => None,
        },
        ..Refused::new(
            StatusCode::TOO_MANY_REQUESTS,
            "请求过多，请稍候再试：too many requests; try again later",
        )
    })
}

async fn discover(State(app): State<App>, Path(file): Path<String>) -> Response {
    match Form::split(&file) {
        Some(("discovery", form)) => answered(app, form, move |app| discovery(app, form)).await,
        _ => no_such_page(),
    }
}

fn discovery(app: &App, form: Form) -> Answered {
    admit(app, &Arguments::new(Vec::new()))?;
    let open311 = &app.config.open311;
    // What a client keeps of the services is as old as the catalogue.
    let changeset = format!("{:010}", app.directory.now().catalogue.version);
    let document = Discovery {
        changeset: changeset.clone(),
        contact: open311.contact.clone(),
        key_service: open311.key_service.clone(),
        endpoint: Endpoint {
            specification: SPECIFICATION,
            url: open311.url.clone(),
            changeset,
            kind: "production",
        },
    };
    Ok(respond(StatusCode::OK, form, &document))
}

async fn list(
    State(app): State<App>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some((name, form)) = Form::split(&file) else {
        return no_such_page();
    };
    let name = name.to_owned();
    answered(app, form, move |app| {
        let arguments = arguments(query.unwrap_or_default().as_bytes())?;
        match name.as_str() {
            "discovery" => discovery(app, form),
            "services" => {
                admit(app, &arguments)?;
                Ok(respond(StatusCode::OK, form, &services(app)))
            }
            "requests" => {
                admit(app, &arguments)?;
                Ok(respond(StatusCode::OK, form, &requests(app, &arguments)?))
            }
            _ => Err(Refused::not_found("resource")),
        }
    })
    .await
}

async fn one(
    State(app): State<App>,
    Path((resource, file)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some((id, form)) = Form::split(&file) else {
        return no_such_page();
    };
    let id = id.to_owned();
    answered(app, form, move |app| {
        let arguments = arguments(query.unwrap_or_default().as_bytes())?;
        admit(app, &arguments)?;
        match resource.as_str() {
            "services" => {
                let directory = app.directory.now();
                let minor = directory.catalogue.minor(&id);
                let minor = minor.ok_or_else(|| Refused::not_found("service_code"))?;
                let definition = Definition {
                    service_code: minor.code.clone(),
                    attributes: [],
                };
                Ok(respond(StatusCode::OK, form, &definition))
            }
            "requests" => {
                let found = numbered(app, &[id])?;
                if found.is_empty() {
                    return Err(Refused::not_found("service_request_id"));
                }
                Ok(respond(StatusCode::OK, form, &found))
            }
            "tokens" => {
                let number = List::<Numbered>::numbers(vec![behind_token(app, id)?]);
                Ok(respond(StatusCode::OK, form, &number))
            }
            _ => Err(Refused::not_found("resource")),
        }
    })
    .await
}

fn services(app: &App) -> List<Service> {
    let directory = app.directory.now();
    let tokens = app.config.open311.tokens;
    let classes = directory.catalogue.classes.iter();
    let services = classes.flat_map(|class| {
        class.minors.iter().map(move |minor| {
            let conditions = minor.filing_conditions.iter();
            let conditions: Vec<&str> = conditions.map(|found| found.name.as_str()).collect();
            Service {
                service_code: minor.code.clone(),
                service_name: minor.name.clone(),
                description: format!("{}：{}", minor.name, conditions.join("；")),
                metadata: false,
                kind: if tokens { "batch" } else { "realtime" },
                keywords: format!("{}, {}", class.name, minor.name),
                group: class.name.clone(),
            }
        })
    });
    List::<Service>::services(services.collect())
}

/// A case as anybody may see it.
fn shown(app: &App, row: &RecordRow) -> Option<Request> {
    let show = app.config.open311.show_descriptions;
    shown::request(row, &app.directory.now().catalogue, show)
}

fn numbered(app: &App, numbers: &[String]) -> Result<List<Request>, Refused> {
    let mut found = Vec::new();
    for number in numbers.iter().take(MOST) {
        let id = app.store.case_by_number(Channel::Open311, number);
        let Some(id) = id.map_err(of_store)? else {
            continue;
        };
        let row = app.store.record(id).map_err(of_store)?;
        found.extend(row.as_ref().and_then(|row| shown(app, row)));
    }
    Ok(List::<Request>::requests(found))
}

fn requests(app: &App, arguments: &Arguments) -> Result<List<Request>, Refused> {
    let numbers = arguments.list("service_request_id");
    if !numbers.is_empty() {
        return numbered(app, &numbers);
    }
    let moment = |name: &str| match arguments.get(name) {
        None => Ok(None),
        Some(said) => said
            .parse::<Timestamp>()
            .map(|moment| Some(moment.as_millisecond()))
            .map_err(|_| {
                Refused::bad("start_date 或 end_date 有误：dates look like 2010-01-01T00:00:00Z")
            }),
    };
    let now_ms = app.now_ms();
    let (from_ms, to_ms) = match (moment("start_date")?, moment("end_date")?) {
        (None, None) => (now_ms.saturating_sub(SPAN_MS), now_ms),
        (Some(from), None) => (from, from.saturating_add(SPAN_MS)),
        (None, Some(to)) => (to.saturating_sub(SPAN_MS), to),
        (Some(from), Some(to)) if to.saturating_sub(from) > SPAN_MS => {
            return Err(Refused::bad(
                "起止时间不得超过 90 天：dates may not span more than 90 days",
            ));
        }
        (Some(from), Some(to)) => (from, to),
    };
    let statuses = arguments.list("status");
    if statuses
        .iter()
        .any(|status| status != "open" && status != "closed")
    {
        return Err(Refused::bad("status 有误：status is open or closed"));
    }
    let wanted = |stage: &Stage| {
        let status = if stage.is_over() { "closed" } else { "open" };
        statuses.iter().any(|wanted| wanted == status)
    };
    let stages = Stage::ALL.into_iter().filter(wanted);
    let filter = ReportedFilter {
        channel: Channel::Open311,
        from_ms,
        to_ms,
        categories: arguments.list("service_code"),
        stages: stages.map(|stage| stage.code().to_owned()).collect(),
        limit: MOST,
    };
    let rows = app.store.cases_of_channel(&filter).map_err(of_store)?;
    let found = rows.iter().filter_map(|row| shown(app, row));
    Ok(List::<Request>::requests(found.collect()))
}

fn behind_token(app: &App, token: String) -> Result<Numbered, Refused> {
    let not_found = || Refused::not_found("token");
    let record: RecordId = token.parse().map_err(|_| not_found())?;
    let row = app.store.record(record).map_err(of_store)?;
    let request = row.as_ref().and_then(|row| shown(app, row));
    let number = request.ok_or_else(not_found)?.service_request_id;
    // A token of another channel's case is none, or a number of its own would be told.
    let known = app.store.case_by_number(Channel::Open311, &number);
    if known.map_err(of_store)? != Some(record) {
        return Err(not_found());
    }
    Ok(Numbered {
        service_request_id: number,
        token,
    })
}

async fn report(
    State(app): State<App>,
    Path(file): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(("requests", form)) = Form::split(&file) else {
        return no_such_page();
    };
    let Ok(body) = body else {
        return Refused::bad("请求过大：the request is too large").response(form);
    };
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let is_form = content_type.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    answered(app, form, move |app| {
        if !is_form {
            return Err(Refused::bad(
                "Content-Type 有误：send application/x-www-form-urlencoded",
            ));
        }
        let arguments = arguments(&body)?;
        admit(app, &arguments)?;
        let created = List::<Created>::created(vec![take_in(app, &arguments)?]);
        Ok(respond(StatusCode::OK, form, &created))
    })
    .await
}

fn take_in(app: &App, arguments: &Arguments) -> Result<Created, Refused> {
    let client = client(app, arguments).ok_or_else(|| {
        Refused::new(
            StatusCode::FORBIDDEN,
            "api_key 缺失或无效：missing or invalid api_key",
        )
    })?;
    let now_ms = app.now_ms();
    let number = fresh_number(app, now_ms)?;
    let directory = app.directory.now();
    let catalogue = &directory.catalogue;
    let delivery = post::delivery(client, arguments, catalogue, (number.clone(), now_ms))?;
    let ids = FreshIds::new(&delivery, now_ms, &mut *app.entropy());
    let taken = app
        .sequencer
        .take_in(delivery, ids)
        .map_err(post::refused)?;
    Ok(match app.config.open311.tokens {
        true => Created {
            token: Some(taken.record.to_string()),
            ..Created::default()
        },
        false => Created {
            service_request_id: Some(number),
            ..Created::default()
        },
    })
}

fn fresh_number(app: &App, now_ms: i64) -> Result<String, Refused> {
    for _ in 0..DRAWS {
        let number = post::number(now_ms, app.random_between((0, u64::MAX - 1)));
        let taken = app.store.case_by_number(Channel::Open311, &number);
        if taken.map_err(of_store)?.is_none() {
            return Ok(number);
        }
    }
    Err(Refused::bad(
        "编号已满，请联系我们：no number is free today; tell us",
    ))
}
