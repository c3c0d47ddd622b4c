//! The device process: holds phones, takes orders on stdin, tells news on stdout.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;

use crate::baseline::JsonPhone;
use crate::error::BenchError;
use crate::generator::Generator;
use crate::gridlog_phone::GridlogPhone;
use crate::handset::{self, OpenHandset};
use crate::orders::{Handset, News, Opening, Order, System};
use crate::rush::rush;
use crate::usage;

/// The phones of one process.
#[derive(Default)]
struct Devices {
    open: BTreeMap<u32, Box<dyn OpenHandset>>,
    generator: Option<Generator>,
}

/// Carries out orders until stdin ends.
pub(crate) fn run() -> ExitCode {
    let mut devices = Devices::default();
    for line in std::io::stdin().lock().lines() {
        let order = line.ok().and_then(|line| serde_json::from_str(&line).ok());
        let outcome = match order {
            Some(order) => devices.carry_out(order),
            None => Err(BenchError::Broken {
                what: "was given an order that it does not know",
            }),
        };
        tell(match outcome {
            Ok(()) => News::Done,
            Err(error) => News::Failed {
                what: error.to_string(),
            },
        });
    }
    ExitCode::SUCCESS
}

/// Nobody is left to tell when the conductor is gone; stdin ends then too.
fn tell(news: News) {
    if let Ok(mut line) = serde_json::to_vec(&news) {
        line.push(b'\n');
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
    }
}

impl Devices {
    fn carry_out(&mut self, order: Order) -> Result<(), BenchError> {
        match order {
            Order::Open { opening, handsets } => {
                self.generator = Some(Generator::new(opening.seed)?);
                for handset in handsets {
                    let open = open(handset, &opening)?;
                    self.open.insert(open.device(), open);
                }
                Ok(())
            }
            Order::Record {
                devices,
                first,
                count,
            } => {
                let generator = self.generator.as_ref().ok_or(BenchError::Broken {
                    what: "was told to record before it had phones",
                })?;
                self.all_at_once(
                    |device| devices.contains(&device),
                    |open| {
                        tell(open.record(generator, first, count)?);
                        Ok(())
                    },
                )
            }
            Order::Edit { edits } => {
                for edit in edits {
                    if let Some(open) = self.open.get(&edit.device) {
                        open.edit(&edit)?;
                    }
                }
                Ok(())
            }
            Order::Sync { devices } => self.all_at_once(
                |device| devices.contains(&device),
                |open| handset::sync(open, &tell),
            ),
            Order::Rush => self.all_at_once(
                |_| true,
                |open| {
                    tell(News::Rushed {
                        device: open.device(),
                        rushed: rush(open, &thread::sleep)?,
                    });
                    Ok(())
                },
            ),
            Order::Photograph(film) => self.all_at_once(
                |_| true,
                |open| {
                    tell(News::Photographed {
                        device: open.device(),
                        bytes: open.photograph(film)?,
                    });
                    Ok(())
                },
            ),
            Order::SendPhotos => self.all_at_once(
                |_| true,
                |open| {
                    let (photos, left) = open.send_photos()?;
                    tell(News::SentPhotos {
                        device: open.device(),
                        photos,
                        left,
                    });
                    Ok(())
                },
            ),
            Order::Look { edits } => {
                for open in self.open.values() {
                    tell(handset::look(open.as_ref(), &edits)?);
                }
                Ok(())
            }
            Order::Count { devices } => {
                for open in self.open.values() {
                    if devices.contains(&open.device()) {
                        tell(News::Counted {
                            device: open.device(),
                            records: open.count()?,
                        });
                    }
                }
                Ok(())
            }
            Order::Usage => {
                tell(News::Used {
                    cpu_s: usage::cpu_seconds(std::process::id()),
                });
                Ok(())
            }
        }
    }

    /// Each phone on a thread of its own; they begin when all threads are there.
    fn all_at_once(
        &self,
        which: impl Fn(u32) -> bool,
        work: impl Fn(&dyn OpenHandset) -> Result<(), BenchError> + Sync,
    ) -> Result<(), BenchError> {
        let phones: Vec<&dyn OpenHandset> = self
            .open
            .values()
            .map(Box::as_ref)
            .filter(|open| which(open.device()))
            .collect();
        let (work, start) = (&work, &Barrier::new(phones.len()));
        thread::scope(|scope| {
            let working: Vec<_> = phones
                .into_iter()
                .map(|open| {
                    scope.spawn(move || {
                        start.wait();
                        work(open)
                    })
                })
                .collect();
            // All are waited for, also if one failed.
            let outcomes: Vec<_> = working
                .into_iter()
                .map(thread::ScopedJoinHandle::join)
                .collect();
            outcomes.into_iter().try_for_each(|outcome| {
                outcome.unwrap_or(Err(BenchError::Broken {
                    what: "had a phone that panicked",
                }))
            })
        })
    }
}

fn open(handset: Handset, opening: &Opening) -> Result<Box<dyn OpenHandset>, BenchError> {
    Ok(match opening.system {
        System::Gridlog => Box::new(GridlogPhone::open(handset, &opening.server)?),
        System::Json { gzip } => Box::new(JsonPhone::open(handset, &opening.server, gzip)?),
    })
}
