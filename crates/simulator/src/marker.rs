//! The generation marker of a simulated phone: a place that no backup and no crash reaches.

use std::io;
use std::sync::{Mutex, PoisonError};

use gridlog_client_core::GenerationMarker;

/// 16 bytes in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryMarker(Mutex<Option<[u8; 16]>>);

impl GenerationMarker for MemoryMarker {
    fn read(&self) -> io::Result<Option<[u8; 16]>> {
        Ok(*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, generation: [u8; 16]) -> io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(generation);
        Ok(())
    }
}
