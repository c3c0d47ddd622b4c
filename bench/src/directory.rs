//! Who there is: the tables that a server loads, and the phones of those people.

use std::fs;
use std::path::{Path, PathBuf};

use gridlog_cli::server::DirectoryFiles;
use gridlog_cli::street::{CALENDAR, CATALOGUE, CHECKLISTS, Street};
use gridlog_domain::id::{AreaCode, PersonId};
use gridlog_domain::reference::AreaLevel;

use crate::error::BenchError;
use crate::gridlog_phone::PASSWORD;
use crate::orders::Handset;

/// How many devices share a grid.
pub(crate) const DEVICES_PER_GRID: u32 = 5;

/// The district that a server is for unless it is told another.
const DISTRICT: &str = "430111";

/// Since when everything here is valid.
const VALID_FROM: &str = "2025-01-01T00:00:00+08:00";

/// Tables of areas and of people, as CSV.
pub(crate) struct Directory {
    areas: String,
    people: String,
}

/// A district of twelve streets, each of the size of the real one, and somebody who covers it all.
pub(crate) struct WholeDistrict {
    pub(crate) tables: Directory,
    /// Code of every grid.
    pub(crate) grids: Vec<String>,
    /// Code of the first street.
    pub(crate) street: String,
    /// Staff number of a duty officer of the district.
    pub(crate) officer: String,
}

/// Streets of a whole district.
const STREETS: u32 = 12;

impl Directory {
    /// See [`WholeDistrict`].
    pub(crate) fn whole_district() -> Result<WholeDistrict, BenchError> {
        let model = Street::load()?;
        let mut areas = "code,name,level,parent,valid_from,valid_to\n".to_owned();
        let mut grids = Vec::new();
        let mut add = |code: &str, level: AreaLevel, parent: &str| {
            let level = level.code();
            areas.push_str(&format!("{code},{code},{level},{parent},{VALID_FROM},\n"));
        };
        add(DISTRICT, AreaLevel::District, "");
        let street_code = |number: u32| format!("{DISTRICT}{number:03}");
        for number in 1..=STREETS {
            let street = street_code(number);
            // The codes of the model, under another street's.
            let moved = |code: &AreaCode| code.as_str().replacen(model.code().as_str(), &street, 1);
            let below = model.areas().iter();
            for area in below.filter(|area| area.level != AreaLevel::District) {
                let parent = area.parent.as_ref().map(&moved).unwrap_or_default();
                add(&moved(&area.code), area.level, &parent);
                if area.level == AreaLevel::Grid {
                    grids.push(moved(&area.code));
                }
            }
        }
        let officer = "O01".to_owned();
        let people = format!(
            "id,name,password,role,area,department,valid_from,valid_to,enabled\n\
             {officer},{officer},{PASSWORD},duty_officer,{DISTRICT},,{VALID_FROM},,true\n"
        );
        Ok(WholeDistrict {
            tables: Self { areas, people },
            grids,
            street: street_code(1),
            officer,
        })
    }

    /// The people of a real street; those who have a phone can sign in.
    pub(crate) fn street(handsets: &[Handset]) -> Result<Self, BenchError> {
        let street = Street::load()?;
        let password = |person: &PersonId| {
            let has_phone = handsets.iter().any(|handset| handset.person == *person);
            has_phone.then(|| PASSWORD.to_owned())
        };
        Ok(Self {
            areas: street.areas_csv()?,
            people: street.people_csv(password)?,
        })
    }

    /// As many grids as the phones walk, in streets of ten communities of ten grids, with one
    /// worker for each phone: see [`town_handsets`].
    pub(crate) fn town(handsets: &[Handset]) -> Self {
        let mut areas = "code,name,level,parent,valid_from,valid_to\n".to_owned();
        let mut add = |code: &str, level: &str, parent: &str| {
            areas.push_str(&format!("{code},{code},{level},{parent},{VALID_FROM},\n"));
        };
        add(DISTRICT, "district", "");
        let mut people =
            "id,name,password,role,area,department,valid_from,valid_to,enabled\n".to_owned();
        let mut known = String::new();
        for handset in handsets {
            let grid = handset.grid.as_str();
            let levels = [(9, "street", 6), (12, "community", 9), (14, "grid", 12)];
            for (length, level, parent) in levels {
                // Grids come in the order of their codes, so what is new differs from the last.
                if known.get(..length) != grid.get(..length) {
                    add(&grid[..length], level, &grid[..parent]);
                }
            }
            grid.clone_into(&mut known);
            let id = handset.person.as_str();
            people.push_str(&format!(
                "{id},{id},{PASSWORD},grid_worker,{grid},,{VALID_FROM},,true\n"
            ));
        }
        Self { areas, people }
    }

    /// Writes the files that a server loads.
    pub(crate) fn write(&self, folder: &Path) -> Result<DirectoryFiles, BenchError> {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(BenchError::file(&path, "written"))?;
            Ok::<_, BenchError>(path)
        };
        Ok(DirectoryFiles {
            areas: write("areas.csv", &self.areas)?,
            people: write("people.csv", &self.people)?,
            catalogue: write("catalogue.json", CATALOGUE)?,
            checklists: write("checklists.json", CHECKLISTS)?,
            calendar: write("calendar.json", CALENDAR)?,
        })
    }
}

/// Phones of the street's workers: five a grid, and as many more in the first grid as `guests`
/// says. Nothing is opened yet; their folders are names in that of the district.
pub(crate) fn street_handsets(devices: u32, guests: u32) -> Result<Vec<Handset>, BenchError> {
    let street = Street::load()?;
    let grids: Vec<_> = street.grids().collect();
    let handset = |device: u32, grid: u32, worker: u32| {
        let grid = grids.get(grid as usize)?;
        let person = street.workers_of(&grid.code).nth(worker as usize)?;
        Some(handset(device, person.id.clone(), grid.code.clone()))
    };
    let residents = (0..devices)
        .map(|device| handset(device, device / DEVICES_PER_GRID, device % DEVICES_PER_GRID));
    let guests = (0..guests).map(|guest| handset(devices + guest, 0, DEVICES_PER_GRID + guest));
    residents
        .chain(guests)
        .collect::<Option<Vec<_>>>()
        .ok_or(BenchError::TooManyDevices {
            asked: devices,
            most: grids.len() * DEVICES_PER_GRID as usize,
        })
}

/// As many phones as one likes: five a grid, each of a worker of its own.
pub(crate) fn town_handsets(devices: u32) -> Vec<Handset> {
    (0..devices)
        .map(|device| {
            let grid = device / DEVICES_PER_GRID;
            let (street, community, grid) = (grid / 100 + 1, grid / 10 % 10 + 1, grid % 10 + 1);
            let grid = format!("{DISTRICT}{street:03}{community:03}{grid:02}");
            let person = PersonId::new(format!("T{device:05}"));
            handset(device, person, AreaCode::new(grid))
        })
        .collect()
}

fn handset(device: u32, person: PersonId, grid: AreaCode) -> Handset {
    Handset {
        device,
        person,
        grid,
        folder: PathBuf::from(format!("phone-{device:04}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_street_has_five_phones_a_grid_and_each_its_own_worker() {
        let handsets = street_handsets(20, 1).unwrap();
        let grids: BTreeSet<_> = handsets
            .iter()
            .map(|handset| handset.grid.as_str())
            .collect();
        assert_eq!((handsets.len(), grids.len()), (21, 4));
        let people: BTreeSet<_> = handsets.iter().map(|handset| &handset.person).collect();
        assert_eq!(people.len(), 21);
        assert_eq!(handsets[20].grid, handsets[0].grid);
    }

    #[test]
    fn a_whole_district_has_twelve_streets_of_the_published_size() {
        let whole = Directory::whole_district().unwrap();
        let grids: BTreeSet<&String> = whole.grids.iter().collect();
        assert_eq!((whole.grids.len(), grids.len()), (12 * 34, 12 * 34));
        assert_eq!(whole.tables.areas.lines().count(), 2 + 12 * (1 + 12 + 34));
        assert!(whole.grids[0].starts_with(&whole.street));
    }

    #[test]
    fn a_street_that_is_too_small_says_so() {
        assert!(matches!(
            street_handsets(1_000, 0),
            Err(BenchError::TooManyDevices { most: 170, .. })
        ));
    }

    #[test]
    fn a_town_of_a_thousand_phones_has_200_grids_and_every_parent_comes_first() {
        let handsets = town_handsets(1_000);
        let directory = Directory::town(&handsets);
        let mut codes = BTreeSet::from([""]);
        for line in directory.areas.lines().skip(1) {
            let columns: Vec<&str> = line.split(',').collect();
            assert!(codes.contains(columns[3]), "{line}");
            assert!(codes.insert(columns[0]), "{line}");
        }
        let grids = codes.iter().filter(|code| code.len() == 14).count();
        assert_eq!((grids, codes.len()), (200, 1 + 1 + 2 + 20 + 200));
        assert_eq!(directory.people.lines().count(), 1_001);
        assert!(
            handsets
                .iter()
                .all(|handset| codes.contains(handset.grid.as_str()))
        );
    }
}
