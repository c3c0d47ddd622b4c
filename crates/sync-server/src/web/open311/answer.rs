//! Answers in the two forms of the specification: XML, and JSON by the Spark convention, in which a list of
//! elements is an array.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The form of an answer, as the end of the path asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Xml,
    Json,
}

impl Form {
    /// A resource's name, and the form asked for.
    pub(super) fn split(file: &str) -> Option<(&str, Self)> {
        let (name, form) = file.rsplit_once('.')?;
        match form {
            "xml" => Some((name, Self::Xml)),
            "json" => Some((name, Self::Json)),
            _ => None,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Xml => "text/xml; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// A list of elements: `<services><service>…`, or an array.
#[derive(Debug)]
pub(super) struct List<T> {
    root: &'static str,
    items: Vec<T>,
}

impl<T> List<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// Something that has a form in both.
pub(super) trait Document {
    fn json(&self) -> Option<String>;
    /// Without the declaration.
    fn xml(&self) -> Option<String>;
}

macro_rules! lists {
    ($($function:ident, $item:ty, $root:literal, $element:literal;)*) => {$(
        impl List<$item> {
            pub(super) fn $function(items: Vec<$item>) -> Self {
                Self { root: $root, items }
            }
        }

        impl Document for List<$item> {
            fn json(&self) -> Option<String> {
                serde_json::to_string(&self.items).ok()
            }

            fn xml(&self) -> Option<String> {
                #[derive(Serialize)]
                struct Elements<'a> {
                    #[serde(rename = $element)]
                    items: &'a [$item],
                }
                let elements = Elements { items: &self.items };
                quick_xml::se::to_string_with_root(self.root, &elements).ok()
            }
        }
    )*};
}

lists! {
    services, Service, "services", "service";
    requests, Request, "service_requests", "request";
    created, Created, "service_requests", "request";
    numbers, Numbered, "service_requests", "request";
    errors, Problem, "errors", "error";
}

/// A kind of request that is taken in: a minor class of the catalogue.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    pub(super) service_code: String,
    pub(super) service_name: String,
    pub(super) description: String,
    pub(super) metadata: bool,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) keywords: String,
    pub(super) group: String,
}

/// What a new request is called.
#[derive(Debug, Default, Serialize)]
pub(super) struct Created {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
    pub(super) service_notice: Option<String>,
    pub(super) account_id: Option<String>,
}

/// The number behind a token.
#[derive(Debug, Serialize)]
pub(super) struct Numbered {
    pub(super) service_request_id: String,
    pub(super) token: String,
}

/// A request, as anybody may see it.
#[derive(Debug, Serialize)]
pub(super) struct Request {
    pub(super) service_request_id: String,
    pub(super) status: &'static str,
    pub(super) status_notes: Option<&'static str>,
    pub(super) service_name: Option<String>,
    pub(super) service_code: String,
    pub(super) description: Option<String>,
    pub(super) agency_responsible: Option<String>,
    pub(super) service_notice: Option<String>,
    pub(super) requested_datetime: String,
    pub(super) updated_datetime: String,
    pub(super) expected_datetime: Option<String>,
    pub(super) address: Option<String>,
    pub(super) address_id: Option<String>,
    pub(super) zipcode: Option<String>,
    pub(super) lat: Option<f64>,
    pub(super) long: Option<f64>,
    pub(super) media_url: Option<String>,
}

/// The form of a service; ours ask for nothing beside what every request has.
#[derive(Debug, Serialize)]
pub(super) struct Definition {
    pub(super) service_code: String,
    pub(super) attributes: [(); 0],
}

impl Document for Definition {
    fn json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    fn xml(&self) -> Option<String> {
        #[derive(Serialize)]
        struct Element<'a> {
            service_code: &'a str,
            attributes: (),
        }
        let element = Element {
            service_code: &self.service_code,
            attributes: (),
        };
        quick_xml::se::to_string_with_root("service_definition", &element).ok()
    }
}

/// Where the endpoint is and what it speaks.
#[derive(Debug, Serialize)]
pub(super) struct Discovery {
    pub(super) changeset: String,
    pub(super) contact: String,
    pub(super) key_service: String,
    pub(super) endpoint: Endpoint,
}

/// The one endpoint.
#[derive(Debug, Serialize)]
pub(super) struct Endpoint {
    pub(super) specification: &'static str,
    pub(super) url: String,
    pub(super) changeset: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

const FORMATS: [&str; 2] = ["text/xml", "application/json"];

impl Document for Discovery {
    fn json(&self) -> Option<String> {
        let endpoint = &self.endpoint;
        let whole = serde_json::json!({
            "changeset": self.changeset,
            "contact": self.contact,
            "key_service": self.key_service,
            "endpoints": [{
                "specification": endpoint.specification,
                "url": endpoint.url,
                "changeset": endpoint.changeset,
                "type": endpoint.kind,
                "formats": FORMATS,
            }],
        });
        Some(whole.to_string())
    }

    fn xml(&self) -> Option<String> {
        #[derive(Serialize)]
        struct Formats {
            format: [&'static str; 2],
        }
        #[derive(Serialize)]
        struct One<'a> {
            specification: &'a str,
            url: &'a str,
            changeset: &'a str,
            #[serde(rename = "type")]
            kind: &'a str,
            formats: Formats,
        }
        #[derive(Serialize)]
        struct Endpoints<'a> {
            endpoint: One<'a>,
        }
        #[derive(Serialize)]
        struct Whole<'a> {
            changeset: &'a str,
            contact: &'a str,
            key_service: &'a str,
            endpoints: Endpoints<'a>,
        }
        let endpoint = &self.endpoint;
        let whole = Whole {
            changeset: &self.changeset,
            contact: &self.contact,
            key_service: &self.key_service,
            endpoints: Endpoints {
                endpoint: One {
                    specification: endpoint.specification,
                    url: &endpoint.url,
                    changeset: &endpoint.changeset,
                    kind: endpoint.kind,
                    formats: Formats { format: FORMATS },
                },
            },
        };
        quick_xml::se::to_string_with_root("discovery", &whole).ok()
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem {
    pub(super) code: u16,
    pub(super) description: String,
}

/// A refusal. Its status is 404 for what does not exist, 403 for a wrong key, 400 for anything else, as the
/// specification wants it, and 429 or 503 for who has to wait.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) problems: Vec<Problem>,
    pub(super) wait_ms: Option<u64>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, description: impl Into<String>) -> Self {
        Self {
            status,
            problems: vec![Problem {
                code: status.as_u16(),
                description: description.into(),
            }],
            wait_ms: None,
        }
    }

    pub(super) fn missing(what: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            format!("缺少 {what}：{what} was not provided"),
        )
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("没有这个 {what}：{what} was not found"),
        )
    }

    pub(super) fn bad(description: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, description)
    }

    pub(super) fn response(self, form: Form) -> Response {
        let seconds = self.wait_ms.map(|ms| ms.div_ceil(1_000).max(1));
        let mut response = respond(self.status, form, &List::<Problem>::errors(self.problems));
        if let Some(seconds) = seconds {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A document as a response.
pub(super) fn respond(status: StatusCode, form: Form, document: &impl Document) -> Response {
    let body = match form {
        Form::Json => document.json(),
        Form::Xml => document
            .xml()
            .map(|xml| format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{xml}")),
    };
    let content_type = HeaderValue::from_static(form.content_type());
    match body {
        Some(body) => (status, [(header::CONTENT_TYPE, content_type)], body).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
