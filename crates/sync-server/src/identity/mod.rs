//! Who is who: person → device → actor (DESIGN section 4).

mod claim;
mod enrol;
mod password;
mod revoke;
mod token;

pub use claim::{claim_again, note_claim};
pub use enrol::{EnrolError, EnrolWish, Enrolled, certify, enrol};
pub use password::{LONGEST_PASSWORD, PasswordError, Passwords};
pub use revoke::{revoke, revoke_again};
pub use token::{Bearer, TokenError, Tokens};
