//! One run of one seed, and the shortest story of a failing one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use sha2::{Digest as _, Sha256};

use crate::broken::Broken;
use crate::story::Story;
use crate::tally::Tally;
use crate::world::World;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The first promise that was broken, if one was.
    pub broken: Option<Broken>,
    /// What happened.
    pub story: Story,
    /// How often everything occurred.
    pub tally: Tally,
    /// How many turns were played.
    pub turns: u32,
    /// A digest of the story and of every step of every disk.
    pub digest: [u8; 32],
}

thread_local! {
    /// Where the last panic of this thread was.
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes panics instead of printing them. Those inside Automerge that the guard catches are its
/// business.
fn note_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string);
            let text = info.payload().downcast_ref::<&str>().unwrap_or(&"");
            PANICKED.set(Some(format!("{} {text}", place.unwrap_or_default())));
        }));
        gridlog_merge_guard::quiet_panics();
    });
}

/// Plays a seed, leaving out some turns.
pub fn play(seed: u64, left_out: &BTreeSet<u32>) -> Outcome {
    note_panics();
    PANICKED.set(None);
    let mut world = match World::begin(seed) {
        Ok(world) => world,
        Err(broken) => {
            return Outcome {
                seed,
                broken: Some(broken),
                story: Story::default(),
                tally: Tally::default(),
                turns: 0,
                digest: [0; 32],
            };
        }
    };
    let mut turns = 0;
    let played = catch_unwind(AssertUnwindSafe(|| days(&mut world, left_out, &mut turns)));
    let panicked = PANICKED.take();
    let broken = match (played, panicked) {
        (Ok(Err(broken)), _) => Some(broken),
        (_, Some(place)) => Some(Broken::new("nothing panics", place)),
        (Err(_), None) => Some(Broken::new("nothing panics", "somewhere")),
        (Ok(Ok(())), None) => None,
    };
    for (what, times) in world.disk.strikes().each() {
        world.tally.add("fault of a disk", what, times);
    }
    Outcome {
        seed,
        broken,
        turns,
        digest: digest(&world),
        story: std::mem::take(&mut world.story),
        tally: std::mem::take(&mut world.tally),
    }
}

fn days(world: &mut World, left_out: &BTreeSet<u32>, turns: &mut u32) -> Result<(), Broken> {
    for _ in 0..world.weather.days {
        for _ in 0..world.weather.turns_a_day {
            *turns += 1;
            world.play(*turns, left_out.contains(turns))?;
        }
        world.turn = None;
        world.calm()?;
        world.check_all()?;
    }
    Ok(())
}

fn digest(world: &World) -> [u8; 32] {
    let mut hash = Sha256::new()
        .chain_update(world.story.digest())
        .chain_update(world.house.machine.history());
    for handset in &world.handsets {
        hash.update(handset.machine.history());
    }
    hash.finalize().into()
}

/// Plays a failing seed again and again, leaving out turns as long as the same promise breaks.
/// Returns the shortest run that was found in at most `tries` runs, and what it left out.
pub fn shorten(failed: &Outcome, tries: u32) -> (Outcome, BTreeSet<u32>) {
    let promise = failed.broken.as_ref().map(|broken| broken.promise);
    let mut left_out: BTreeSet<u32> = BTreeSet::new();
    let mut best = play(failed.seed, &left_out);
    let mut tries = tries;
    let mut piece = (failed.turns / 2).max(1);
    loop {
        let mut found = false;
        let mut start = 1;
        while start <= failed.turns && tries > 0 {
            let part: BTreeSet<u32> = (start..start + piece)
                .filter(|turn| !left_out.contains(turn) && *turn <= failed.turns)
                .collect();
            start += piece;
            if part.is_empty() {
                continue;
            }
            tries -= 1;
            let more: BTreeSet<u32> = left_out.union(&part).copied().collect();
            let outcome = play(failed.seed, &more);
            if outcome.broken.as_ref().map(|broken| broken.promise) == promise {
                left_out = more;
                best = outcome;
                found = true;
            }
        }
        if tries == 0 || (piece == 1 && !found) {
            return (best, left_out);
        }
        piece = if piece == 1 { 1 } else { piece / 2 };
    }
}
