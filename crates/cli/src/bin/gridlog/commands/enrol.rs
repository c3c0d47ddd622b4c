//! `gridlog enrol`.

use gridlog_client_core::{HttpTransport, Phone, PhoneError};
use gridlog_domain::id::PersonId;
use serde_json::json;

use crate::answer::Answer;
use crate::arguments::Enrol;
use crate::error::CliError;
use crate::home::Home;
use crate::password::password;

/// Makes this store a device of the person.
pub(super) fn enrol(home: &Home, phone: &Phone, arguments: &Enrol) -> Result<Answer, CliError> {
    let transport = HttpTransport::new(&arguments.server).map_err(PhoneError::from)?;
    let password = password(arguments.password_stdin)?;
    let person = PersonId::new(arguments.person.trim());
    let identity = phone.enrol(&transport, &person, &password, &arguments.device_name)?;
    home.set_server(&arguments.server)?;
    let roles: Vec<&str> = identity
        .person
        .assignments
        .iter()
        .map(|held| held.role.zh())
        .collect();
    Ok(Answer::new(
        json!({
            "person": identity.person,
            "device": identity.device,
            "district": identity.district,
            "server": arguments.server,
        }),
        format!(
            "已登记 enrolled：{} {}（{}）\n下一步 next：gridlog sync\n",
            identity.person.id,
            identity.person.name,
            roles.join("、")
        ),
    ))
}
