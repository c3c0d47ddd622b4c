//! Who is who: person → device → actor (DESIGN section 4).

mod enrol;
mod password;
mod token;

pub use enrol::{EnrolError, EnrolWish, Enrolled, certify, enrol};
pub use password::{PasswordError, Passwords};
pub use token::{Bearer, TokenError, Tokens};
