//! Audiences: who may see a record (DESIGN section 7), as short texts.
//!
//! A record has audiences; a person has audiences; they see the record while the two share one.

/// Whoever pulls is told, whatever they may see. That a record was erased is filed for it: who held the
/// record once, and on which phones something of it is left, nobody can say for sure.
pub const EVERYBODY: &str = "everybody";

/// Everyone assigned to the area `code` or to an area above it sees records that live there.
pub fn area(code: &str) -> String {
    format!("a:{code}")
}

/// The handlers of a department see the cases that a ruling gave it.
pub fn department(name: &str) -> String {
    format!("d:{name}")
}

/// Authors always see their own words and rulings.
pub fn person(id: &str) -> String {
    format!("p:{id}")
}
