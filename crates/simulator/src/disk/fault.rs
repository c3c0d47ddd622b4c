//! Which faults wait for their moment.

/// How a machine goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Crash {
    /// The process is killed. The system still has every write, synced or not.
    Process,
    /// The power goes. Of each file's writes since its last sync the first few survive, as many as
    /// the seed says, and the next one may be torn.
    PowerLoss,
    /// The power goes while the system was writing back in an order of its own: of each file's
    /// writes since its last sync any may survive, whole or some of their sectors.
    ScatteredPowerLoss,
}

/// The faults that wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Armed {
    crash: Option<(u64, Crash)>,
    step_error: Option<(u64, ())>,
    read_error: Option<(u64, ())>,
}

impl Armed {
    pub(crate) const fn crash_after(&mut self, steps: u64, crash: Crash) {
        self.crash = Some((steps, crash));
    }

    pub(crate) const fn step_error_after(&mut self, steps: u64) {
        self.step_error = Some((steps, ()));
    }

    pub(crate) const fn read_error_after(&mut self, reads: u64) {
        self.read_error = Some((reads, ()));
    }

    /// Whether the machine goes down instead of the next step.
    pub(crate) fn crash(&mut self) -> Option<Crash> {
        due(&mut self.crash)
    }

    /// Whether the next step fails.
    pub(crate) fn step_fails(&mut self) -> bool {
        due(&mut self.step_error).is_some()
    }

    /// Whether the next read fails.
    pub(crate) fn read_fails(&mut self) -> bool {
        due(&mut self.read_error).is_some()
    }
}

/// Counts one call; what waited for it is taken.
fn due<T: Copy>(armed: &mut Option<(u64, T)>) -> Option<T> {
    let (left, _) = armed.as_mut()?;
    if *left == 0 {
        return armed.take().map(|(_, fault)| fault);
    }
    *left -= 1;
    None
}

/// Why a call on a volume failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The machine is down, or the handle is of an earlier life.
    Down,
    /// The call met an I/O error.
    Io,
    /// There was no room.
    Full,
    /// No file has that name, or a new one was asked for and one is there.
    Name,
    /// The handle may only read.
    ReadOnly,
}
