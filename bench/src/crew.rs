//! The device processes, seen from the conductor.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use crate::error::BenchError;
use crate::orders::{Handset, News, Opening, Order};

/// The hidden subcommand that makes this program a device process.
pub(crate) const DEVICES: &str = "devices";

/// How device processes stand against others that want the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// As everybody else.
    Usual,
    /// They take what the server leaves, where the system has that (`nice` on Unix).
    Low,
}

/// Something a device process told, and when it arrived here.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) news: News,
}

/// News from the process of that number; `None` once it tells nothing any more.
type Line = (usize, Instant, Option<News>);

/// Device processes that carry out orders side by side.
pub(crate) struct Crew {
    processes: Vec<Process>,
    lines: Receiver<Line>,
}

struct Process {
    child: Child,
    orders: Option<ChildStdin>,
}

impl Crew {
    /// Starts one process for each group of phones, and opens the phones.
    pub(crate) fn start(groups: Vec<Vec<Handset>>, opening: &Opening) -> Result<Self, BenchError> {
        Self::start_with(groups, opening, Priority::Usual)
    }

    /// The same with processes of that priority.
    pub(crate) fn start_with(
        groups: Vec<Vec<Handset>>,
        opening: &Opening,
        priority: Priority,
    ) -> Result<Self, BenchError> {
        let (tell, lines) = channel();
        let mut crew = Self {
            processes: Vec::new(),
            lines,
        };
        for number in 0..groups.len() {
            crew.processes
                .push(Process::start(number, priority, tell.clone())?);
        }
        let open = groups.into_iter().map(|handsets| Order::Open {
            opening: opening.clone(),
            handsets,
        });
        crew.give(open.collect())?;
        Ok(crew)
    }

    /// Gives all the same order and waits until all have carried it out.
    pub(crate) fn all(&mut self, order: &Order) -> Result<Vec<Heard>, BenchError> {
        self.give(vec![order.clone(); self.processes.len()])
    }

    /// Gives each its order and waits until all have carried theirs out.
    fn give(&mut self, orders: Vec<Order>) -> Result<Vec<Heard>, BenchError> {
        let mut busy = 0;
        for (process, order) in self.processes.iter_mut().zip(orders) {
            process.tell(&order)?;
            busy += 1;
        }
        let mut heard = Vec::new();
        while busy > 0 {
            let line = self.lines.recv();
            match line {
                Ok((_, _, Some(News::Done))) => busy -= 1,
                Ok((_, _, Some(News::Failed { what }))) => {
                    return Err(BenchError::Device { what });
                }
                Ok((_, at, Some(news))) => heard.push(Heard { at, news }),
                Ok((_, _, None)) | Err(_) => {
                    return Err(BenchError::Broken {
                        what: "ended early",
                    });
                }
            }
        }
        Ok(heard)
    }

    /// CPU seconds of all processes so far; `None` where the system does not tell.
    pub(crate) fn cpu_seconds(&mut self) -> Result<Option<f64>, BenchError> {
        let heard = self.all(&Order::Usage)?;
        Ok(heard
            .into_iter()
            .map(|heard| match heard.news {
                News::Used { cpu_s } => cpu_s,
                _ => None,
            })
            .sum())
    }

    /// Ends the processes, their phones closed in order.
    pub(crate) fn dismiss(mut self) -> Result<(), BenchError> {
        for process in &mut self.processes {
            process.orders = None;
            process.child.wait().map_err(|source| BenchError::Process {
                what: "ended",
                source,
            })?;
        }
        Ok(())
    }
}

impl Process {
    fn start(number: usize, priority: Priority, tell: Sender<Line>) -> Result<Self, BenchError> {
        let failed = |source| BenchError::Process {
            what: "started",
            source,
        };
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = match priority {
            Priority::Low if cfg!(unix) => {
                let mut nice = Command::new("nice");
                nice.args(["-n", "10"]).arg(program);
                nice
            }
            Priority::Low | Priority::Usual => Command::new(program),
        };
        let mut child = command
            .arg(DEVICES)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let orders = child.stdin.take();
        let news = child.stdout.take().ok_or(BenchError::Broken {
            what: "has no output",
        })?;
        let process = Self { child, orders };
        let listening = move || {
            for line in BufReader::new(news).lines().map_while(Result::ok) {
                let news = serde_json::from_str(&line).ok();
                if tell.send((number, Instant::now(), news)).is_err() {
                    return;
                }
            }
            // Whoever waits learns that there will be no more; if nobody does, that is fine.
            let _ = tell.send((number, Instant::now(), None));
        };
        thread::Builder::new()
            .name(format!("device process {number}"))
            .spawn(listening)
            .map_err(failed)?;
        Ok(process)
    }

    fn tell(&mut self, order: &Order) -> Result<(), BenchError> {
        let failed = |source| BenchError::Process {
            what: "told",
            source,
        };
        let mut line = serde_json::to_vec(order).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let orders = self.orders.as_mut().ok_or(BenchError::Broken {
            what: "takes no orders any more",
        })?;
        orders.write_all(&line).map_err(failed)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
