//! What the terminal phone, the benches and the whole-system tests share.
//!
//! - [`street`]: the directory of a real street, made from published sizes.
//! - [`matters`]: the 42 matters that its workers meet.
//! - [`proxy`]: a TCP proxy between phones and server that counts, refuses and cuts.

pub mod matters;
pub mod proxy;
pub mod street;
