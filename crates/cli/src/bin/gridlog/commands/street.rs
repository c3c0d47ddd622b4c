//! `gridlog street`: the directory of a whole street, to load into a server of one's own.

use std::path::Path;

use gridlog_cli::street::Street;
use serde_json::json;

use crate::answer::Answer;
use crate::error::CliError;

/// Writes `areas.csv` and `people.csv`; everybody gets the same password.
pub(crate) fn street(folder: &Path, password: &str) -> Result<Answer, CliError> {
    let street = Street::load()?;
    let areas = street.areas_csv()?;
    let people = street.people_csv(|_| Some(password.to_owned()))?;
    create(folder)?;
    for (name, table) in [("areas.csv", areas), ("people.csv", people)] {
        let path = folder.join(name);
        std::fs::write(&path, table).map_err(|source| CliError::File {
            path,
            what: "written",
            source,
        })?;
    }
    Ok(Answer::new(
        json!({ "folder": folder, "people": street.people().len() }),
        format!(
            "已写入 {} 的 areas.csv 与 people.csv，共 {} 人，例如网格员 W001\n\
             wrote areas.csv and people.csv: {} people, for example the worker W001\n",
            folder.display(),
            street.people().len(),
            street.people().len(),
        ),
    ))
}

fn create(folder: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|source| CliError::File {
        path: folder.to_owned(),
        what: "created",
        source,
    })
}
