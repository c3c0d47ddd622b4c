//! A quiet period: no faults, everybody is up, everything is decided, all phones sync until nothing
//! changes any more.

use gridlog_sync_server::store::Store as _;

use crate::broken::Broken;
use crate::world::World;

/// Most times that all phones sync. Whatever happened, a district must come to rest by then.
const MOST_ROUNDS: usize = 12;

impl World {
    /// Lets the district come to rest.
    pub(crate) fn calm(&mut self) -> Result<(), Broken> {
        self.tell("it becomes quiet");
        self.quiet = true;
        self.lift_faults();
        self.pass_all()?;
        self.lift_faults();
        self.server_comes_up = false;
        if self.house.running().is_none() {
            self.start_server()?;
        }
        for number in 0..self.handsets.len() {
            let handset = &self.handsets[number];
            if !handset.destroyed && handset.phone.is_none() {
                self.coming_up.remove(&number);
                self.open(number)?;
            }
        }
        let mut before = String::new();
        for _ in 0..MOST_ROUNDS {
            self.server_decides()?;
            self.everybody_syncs()?;
            let now = self.where_everything_stands()?;
            if now == before {
                self.quiet = false;
                return Ok(());
            }
            before = now;
        }
        Err(Broken::new(
            "a district comes to rest",
            format!("after {MOST_ROUNDS} rounds of syncs something still changes: {before}"),
        ))
    }

    fn lift_faults(&mut self) {
        self.house.machine.disarm();
        self.house.machine.make_room();
        for handset in &self.handsets {
            handset.machine.disarm();
            handset.machine.make_room();
        }
    }

    fn everybody_syncs(&mut self) -> Result<(), Broken> {
        for number in 0..self.handsets.len() {
            let handset = &self.handsets[number];
            if handset.destroyed {
                continue;
            }
            if handset.signs_in || !handset.enrolled {
                self.sign_in(number, true)?;
            }
            self.begin_sync(number, false)?;
            self.pass_all()?;
            if self.handsets[number].signs_in {
                self.sign_in(number, true)?;
                self.begin_sync(number, false)?;
                self.pass_all()?;
            }
        }
        Ok(())
    }

    /// The log's head and every phone's status, as one text.
    fn where_everything_stands(&mut self) -> Result<String, Broken> {
        let head = match self.house.running() {
            Some(running) => running.store.head().ok(),
            None => None,
        };
        let mut text = format!("{head:?}");
        for number in 0..self.handsets.len() {
            let status = self.read(number, "the status", |phone| phone.status())?;
            if let Some(status) = status {
                text.push_str(&format!(
                    "\n{number}: {:?}",
                    gridlog_client_core::Status {
                        last_sync_ms: None,
                        clock_offset_ms: None,
                        confirmed: status.confirmed.map(|confirmed| {
                            gridlog_client_core::Confirmed {
                                at_ms: 0,
                                ..confirmed
                            }
                        }),
                        ..status
                    }
                ));
            }
        }
        Ok(text)
    }
}
