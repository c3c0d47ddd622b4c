//! Describes the public surface of a built library: `cargo xtask api-check` compares it with the one that is
//! checked in.
//!
//! Arguments: the library, and the file to write. What is written comes from the metadata that UniFFI left in the
//! library, so it is what every language is generated from; documentation is left out. The first line carries a
//! fingerprint of the rest. The library tells it to apps by the default of [`HANDSHAKE`], which is left out too.

use std::fmt::Write as _;
use std::process::ExitCode;

use camino::Utf8PathBuf;
use sha2::{Digest as _, Sha256};
use uniffi_bindgen::macro_metadata::extract_from_library;
use uniffi_meta::{
    DefaultValueMetadata, EnumMetadata, EnumShape, FieldMetadata, FnParamMetadata, LiteralMetadata,
    Metadata, ObjectImpl, RecordMetadata, Type,
};

/// The function whose default is the fingerprint itself.
const HANDSHAKE: &str = "surface_refusal";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(library), Some(file)) = (arguments.next(), arguments.next()) else {
        return failed("name the library and the file to write");
    };
    let metadata = match extract_from_library(&Utf8PathBuf::from(library)) {
        Ok(metadata) => metadata,
        Err(error) => return failed(&error.to_string()),
    };
    match std::fs::write(&file, describe(&metadata)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{file}: {error}")),
    }
}

#[allow(clippy::print_stderr, reason = "why it failed is for the terminal")]
fn failed(why: &str) -> ExitCode {
    eprintln!("gridlog-ffi-surface: {why}");
    ExitCode::FAILURE
}

fn describe(metadata: &[Metadata]) -> String {
    let mut parts: Vec<String> = metadata.iter().filter_map(part).collect();
    parts.sort();
    let text = parts.join("\n");
    let digest = Sha256::digest(text.as_bytes());
    let fingerprint: String = digest.iter().take(4).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("surface {fingerprint}\n\n{text}\n")
}

/// One thing of the surface; nothing for what only the scaffolding needs.
fn part(of: &Metadata) -> Option<String> {
    Some(match of {
        Metadata::Func(it) => {
            let mut taken = it.inputs.clone();
            if it.name == HANDSHAKE {
                taken.iter_mut().for_each(|input| input.default = None);
            }
            let inputs = inputs(&taken);
            let end = outcome(it.return_type.as_ref(), it.throws.as_ref());
            format!(
                "{}function {}({inputs}){end}",
                is_async(it.is_async),
                it.name
            )
        }
        Metadata::Constructor(it) => {
            let inputs = inputs(&it.inputs);
            let end = outcome(None, it.throws.as_ref());
            format!(
                "object {} constructor {}({inputs}){end}",
                it.self_name, it.name
            )
        }
        Metadata::Method(it) => {
            let inputs = inputs(&it.inputs);
            let end = outcome(it.return_type.as_ref(), it.throws.as_ref());
            let is_async = is_async(it.is_async);
            format!(
                "object {} {is_async}method {}({inputs}){end}",
                it.self_name, it.name
            )
        }
        Metadata::TraitMethod(it) => {
            let inputs = inputs(&it.inputs);
            let end = outcome(it.return_type.as_ref(), it.throws.as_ref());
            let is_async = is_async(it.is_async);
            format!(
                "trait {} {is_async}method {}({inputs}){end}",
                it.trait_name, it.name
            )
        }
        Metadata::Object(it) => match it.imp {
            ObjectImpl::Struct => format!("object {}", it.name),
            _ => format!("trait {}", it.name),
        },
        Metadata::Record(it) => record(it),
        Metadata::Enum(it) => enumeration(it),
        Metadata::CustomType(it) => format!("id {} is {}", it.name, name(&it.builtin)),
        Metadata::CallbackInterface(it) => format!("callback {}", it.name),
        Metadata::Namespace(_)
        | Metadata::UdlFile(_)
        | Metadata::UniffiTrait(_)
        | Metadata::ObjectTraitImpl(_) => return None,
    })
}

const fn is_async(is_async: bool) -> &'static str {
    if is_async { "async " } else { "" }
}

fn record(it: &RecordMetadata) -> String {
    let mut text = format!("record {}", it.name);
    for one in &it.fields {
        let _ = write!(text, "\n    {}", field(one));
    }
    text
}

fn enumeration(it: &EnumMetadata) -> String {
    let kind = match it.shape {
        EnumShape::Enum => "enum",
        EnumShape::Error { .. } => "error",
    };
    let mut text = format!("{kind} {}", it.name);
    for variant in &it.variants {
        let fields: Vec<String> = variant.fields.iter().map(field).collect();
        let _ = write!(text, "\n    {}", variant.name);
        if !fields.is_empty() {
            let _ = write!(text, "({})", fields.join(", "));
        }
    }
    text
}

fn field(it: &FieldMetadata) -> String {
    format!(
        "{}: {}{}",
        it.name,
        name(&it.ty),
        default(it.default.as_ref())
    )
}

fn inputs(of: &[FnParamMetadata]) -> String {
    let inputs = of.iter().map(|it| {
        format!(
            "{}: {}{}",
            it.name,
            name(&it.ty),
            default(it.default.as_ref())
        )
    });
    inputs.collect::<Vec<_>>().join(", ")
}

fn outcome(returns: Option<&Type>, throws: Option<&Type>) -> String {
    let mut text = String::new();
    if let Some(returns) = returns {
        let _ = write!(text, " -> {}", name(returns));
    }
    if let Some(throws) = throws {
        let _ = write!(text, " throws {}", name(throws));
    }
    text
}

fn default(of: Option<&DefaultValueMetadata>) -> String {
    match of {
        None => String::new(),
        Some(DefaultValueMetadata::Default) => " = default".to_owned(),
        Some(DefaultValueMetadata::Literal(literal)) => format!(" = {}", value(literal)),
    }
}

fn value(of: &LiteralMetadata) -> String {
    match of {
        LiteralMetadata::Boolean(value) => value.to_string(),
        LiteralMetadata::String(value) => format!("{value:?}"),
        LiteralMetadata::UInt(value, ..) => value.to_string(),
        LiteralMetadata::Int(value, ..) => value.to_string(),
        LiteralMetadata::Float(value, _) | LiteralMetadata::Enum(value, _) => value.clone(),
        LiteralMetadata::None => "none".to_owned(),
        other => format!("{other:?}"),
    }
}

fn name(of: &Type) -> String {
    match of {
        Type::Object { name, .. }
        | Type::Record { name, .. }
        | Type::Enum { name, .. }
        | Type::CallbackInterface { name, .. }
        | Type::Custom { name, .. } => name.clone(),
        Type::Box { inner_type } => name(inner_type),
        Type::Optional { inner_type } => format!("{}?", name(inner_type)),
        Type::Sequence { inner_type } => format!("[{}]", name(inner_type)),
        Type::Set { inner_type } => format!("set of {}", name(inner_type)),
        Type::Map {
            key_type,
            value_type,
        } => format!("[{}: {}]", name(key_type), name(value_type)),
        other => format!("{other:?}").to_lowercase(),
    }
}
