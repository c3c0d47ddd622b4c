//! The letters that dictionaries are trained on. The benchmark's tests read this file, too, and hold its texts
//! apart from them.

use std::collections::BTreeSet;

/// Letters that the words of measured records do not have.
pub(crate) fn letters() -> Vec<char> {
    let taken: BTreeSet<char> = [
        include_str!("../../../../data/matters.json"),
        include_str!("../../../../data/catalogue.json"),
    ]
    .concat()
    .chars()
    .collect();
    ('\u{4e00}'..'\u{9fa5}')
        .step_by(23)
        .filter(|letter| !taken.contains(letter))
        .collect()
}
