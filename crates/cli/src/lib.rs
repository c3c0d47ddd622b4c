//! What the terminal phone, the benches and the whole-system tests share.
//!
//! - [`environment`]: the real clock and the real source of randomness, as the phone has them.
//! - [`street`]: the directory of a real street, made from published sizes.
//! - [`matters`]: the 42 matters that its workers meet.
//! - [`proxy`]: a TCP proxy between phones and server that counts, refuses and cuts.
//! - [`server`]: the server that ships, as a process that can be killed.

pub use gridlog_client_core::system as environment;
pub mod matters;
pub mod proxy;
pub mod server;
pub mod street;
