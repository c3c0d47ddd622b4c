//! Takes untrusted picture bytes safely. No I/O.
//!
//! A photo comes from a camera app, a messenger or a stranger's phone. Before it leaves a phone, it must
//! not tell where and with what it was taken; and for lists it needs a small picture of itself. Both
//! touch bytes that somebody else made, so both are done here, under limits:
//!
//! - [`sniff`] says what bytes are, by how they begin. A file's name is never asked.
//! - [`strip`] takes out what says something of the place, the device and the person. It copies only
//!   the parts that a decoder needs, never decodes a pixel, and so never makes a picture worse.
//! - [`preview`] makes a small upright JPEG. A bomb or a malformed file is [`NoPreview`], never a panic.
//!
//! No decoder can be stopped from outside while it works, so time is bounded by what it is given: the
//! pixels that a file declares, wherever it declares any, are counted before the decoder sees it, and so are
//! how often it has to go over them and the memory that they take. What the worst file within the default limits costs is in
//! `docs/decisions/0020-pictures.md`; `cargo run --release -p gridlog-picture-guard --example worst_case
//! --features gallery` measures it.

mod declared;
mod exif;
#[cfg(feature = "gallery")]
pub mod gallery;
mod jpeg;
mod kind;
mod png;
mod preview;
mod strip;
mod webp;

pub use kind::{PictureKind, sniff};
pub use preview::{Limits, NoPreview, preview};
pub use strip::{Keep, Outcome, Stripped, strip};
