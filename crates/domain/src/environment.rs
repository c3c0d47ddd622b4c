//! What an engine may not reach for by itself: time and randomness.
//!
//! DESIGN section 2: nothing below `main` reads a clock, a random source or a socket. Engines are
//! handed these traits, so that the simulator can replay a whole day from one seed.

use sha2::{Digest, Sha256};

/// Wall-clock time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z. It may jump in either direction.
    fn now_ms(&self) -> i64;
}

/// A source of random bytes.
pub trait Entropy: Send {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// A reproducible source of random-looking bytes, for tests and the simulator.
///
/// Never use it where an id or an actor must be unguessable or unique across devices.
#[derive(Debug, Clone)]
pub struct SeededEntropy {
    seed: u64,
    block: u64,
}

impl SeededEntropy {
    /// Starts the sequence that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { seed, block: 0 }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let digest = Sha256::new()
                .chain_update(self.seed.to_le_bytes())
                .chain_update(self.block.to_le_bytes())
                .finalize();
            self.block += 1;
            chunk.copy_from_slice(&digest[..chunk.len()]);
        }
    }
}
