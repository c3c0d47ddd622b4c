//! Caps of the wire. Both sides keep to them; the receiver enforces them.

/// Largest body of a request as it travels, compressed, in bytes. Changes hardly get any smaller, as they
/// are compressed already.
pub const MAX_WIRE_BYTES: usize = 6 * 1024 * 1024;
/// Largest body of a request after decompression, in bytes. A phone pushes about
/// [`PUSH_TARGET_BYTES`] and at most one [`MAX_CHANGE_BYTES`] more. What it gives back is about
/// [`RETURN_TARGET_BYTES`], or one record, which only its page as a whole can prove.
pub const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// Largest body of a page as it travels, compressed, in bytes. A page may hold one record that
/// exceeds [`PAGE_TARGET_BYTES`].
pub const MAX_PAGE_WIRE_BYTES: usize = 16 * 1024 * 1024;
/// Largest body of a page after decompression, in bytes.
pub const MAX_PAGE_BYTES: usize = 64 * 1024 * 1024;
/// Largest record, as the sum of its changes in bytes; a change beyond it is refused as
/// `record_full`. A page with the whole record stays well below its own caps.
pub const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;
/// Most changes that one request pushes.
pub const MAX_PUSH_ITEMS: usize = 512;
/// Bytes of changes after which a phone sends what is left in the next request.
pub const PUSH_TARGET_BYTES: usize = 1024 * 1024;
/// Largest change, in bytes; a larger one is refused as `too_large`.
pub const MAX_CHANGE_BYTES: usize = 256 * 1024;
/// Most changes whose verdicts one request asks for again.
pub const MAX_ASKS: usize = 1024;
/// Most log entries in one page.
pub const MAX_PAGE_ENTRIES: usize = 2048;
/// Bytes of records after which a page ends; one record may exceed it.
pub const PAGE_TARGET_BYTES: usize = 1024 * 1024;
/// Most devices of one person that are not revoked.
pub const MAX_DEVICES_PER_PERSON: usize = 32;
/// Most actors that one device may register.
pub const MAX_ACTORS_PER_DEVICE: usize = 256;
/// Most audiences that one person has.
pub const MAX_AUDIENCES: usize = 63;
/// Most records that one request wants whole.
pub const MAX_WANTS: usize = 256;
/// Most records that one request asks to leave out.
pub const MAX_WITHOUT: usize = 256;
/// Most changes that one page recalls to a device that may have forgotten them.
pub const MAX_RECALLED: usize = 1024;
/// Most pages of which one request gives something back.
pub const MAX_RETURNS: usize = 64;
/// Bytes of entries and changes after which a device gives the rest back in the next request.
pub const RETURN_TARGET_BYTES: usize = 512 * 1024;
/// Largest message of a comparison, in bytes.
pub const MAX_RECONCILE_BYTES: usize = 256 * 1024;
/// What a page's evidence takes at most, in bytes, as far as requests leave room for it.
const EVIDENCE_BYTES: usize = 1024 * 1024;

// A record that no request could give back would hold up everything that waits behind it.
const _: () = assert!(MAX_RECORD_BYTES + RETURN_TARGET_BYTES + EVIDENCE_BYTES <= MAX_WIRE_BYTES);
const _: () = assert!(MAX_WIRE_BYTES <= MAX_BODY_BYTES);
