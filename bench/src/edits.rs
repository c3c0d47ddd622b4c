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
