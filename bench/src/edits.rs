//! The edits that several phones make in the same places, and whether they were kept.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::RecordId;

use crate::crew::Crew;
use crate::error::BenchError;
use crate::orders::{Edit, Field, Handset, News, Order};

/// Every phone edits every shared record of its grid once: titles and descriptions in turn, so that
/// all phones of a grid write the same scalars and the same texts.
pub(crate) fn of_everybody(
    handsets: &[Handset],
    shared: &BTreeMap<String, Vec<RecordId>>,
) -> Vec<Edit> {
    let mut edits = Vec::new();
    for handset in handsets {
        let records = shared.get(handset.grid.as_str());
        for (number, record) in records.into_iter().flatten().enumerate() {
            edits.push(Edit {
                device: handset.device,
                record: *record,
                field: match number % 2 {
                    0 => Field::Title,
                    _ => Field::Description,
                },
                token: format!("<{}.{number}>", handset.device),
            });
        }
    }
    edits
}

/// What a field says after an edit.
///
/// A title begins with the token of whoever wrote it last. Into a description the token is put in:
/// by every other device at the very same place.
pub(crate) fn rewritten(standing: &str, edit: &Edit) -> String {
    let text: Vec<char> = standing.chars().collect();
    let token = edit.token.chars();
    let (at, rest) = match edit.field {
        Field::Title => (0, token.clone().count().min(text.len())),
        Field::Description => {
            let at = match edit.device % 2 {
                0 => text.len() / 2,
                _ => (edit.device as usize * 17) % text.len().max(1),
            };
            (at, at)
        }
    };
    let before = text[..at].iter().copied();
    let after = text[rest..].iter().copied();
    before.chain(token).chain(after).collect()
}

/// How many of the edits every phone of their grid shows. All those phones are in the crew.
pub(crate) fn kept(
    crew: &mut Crew,
    handsets: &[Handset],
    edits: &[Edit],
) -> Result<u64, BenchError> {
    let order = Order::Look {
        edits: edits.to_vec(),
    };
    let mut shown: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for heard in crew.all(&order)? {
        if let News::Shown { device, tokens } = heard.news {
            shown.insert(device, tokens.into_iter().collect());
        }
    }
    let is_kept = |edit: &&Edit| {
        let author = handsets
            .iter()
            .find(|handset| handset.device == edit.device);
        author.is_some_and(|author| {
            handsets
                .iter()
                .filter(|handset| handset.grid == author.grid)
                .all(|handset| {
                    shown
                        .get(&handset.device)
                        .is_some_and(|tokens| tokens.contains(&edit.token))
                })
        })
    };
    Ok(edits.iter().filter(is_kept).count() as u64)
}

#[cfg(test)]
mod tests {
    use gridlog_domain::environment::SeededEntropy;

    use super::*;

    fn edit(device: u32, field: Field) -> Edit {
        Edit {
            device,
            record: RecordId::new(0, &mut SeededEntropy::new(1)),
            field,
            token: "<7.1>".to_owned(),
        }
    }

    #[test]
    fn an_edit_of_a_title_writes_over_its_beginning() {
        let edit = edit(2, Field::Title);
        assert_eq!(rewritten("一二三四五六七", &edit), "<7.1>六七");
        assert_eq!(rewritten("一二", &edit), "<7.1>");
    }

    #[test]
    fn an_edit_of_a_description_leaves_every_word_of_it() {
        let text = "一二三四五六";
        assert_eq!(
            rewritten(text, &edit(2, Field::Description)),
            "一二三<7.1>四五六"
        );
        assert_eq!(
            rewritten(text, &edit(3, Field::Description)),
            "一二三<7.1>四五六"
        );
        assert_eq!(
            rewritten(text, &edit(1, Field::Description)),
            "一二三四五<7.1>六"
        );
        assert_eq!(rewritten("", &edit(1, Field::Description)), "<7.1>");
    }
}
