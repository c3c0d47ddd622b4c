//! Whose turn it is: which file goes next, and for how long.
//!
//! Previews go first, all of them, so that an office sees every finding before the first large photo is
//! through. Then photos, of the newest case first. A file sends [`TURN_PIECES`] pieces (2 MiB) and then,
//! if something of it is left, stands behind all others. So a photo as phones take them goes in one turn
//! and in order, and a huge file holds up each other by one turn at most for each time that it comes round.
//! Going by what is smallest would let a large file starve while new small ones come; taking
//! turns piece by piece would finish all photos late together, where the first could be open in the office
//! already.
//!
//! No I/O.

use std::collections::VecDeque;

use gridlog_domain::id::RecordId;

use super::hash::FileHash;

/// Pieces that a file sends before the next has its turn.
pub(super) const TURN_PIECES: u32 = 8;
/// How often a file may meet trouble without getting further, before it is left for the next time.
pub(super) const MOST_TROUBLES: u32 = 5;

/// A file that is to be sent for a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) record: RecordId,
    pub(crate) file: FileHash,
    pub(crate) bytes: u64,
    pub(crate) is_preview: bool,
    /// Under which id the server receives it.
    pub(crate) upload: Option<String>,
    /// How much it has, as far as was noted.
    pub(crate) sent_bytes: u64,
}

impl Waiting {
    fn key(&self) -> (RecordId, FileHash) {
        (self.record, self.file)
    }
}

/// A file in the queue.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) what: Waiting,
    /// How much the server has; unknown until it is asked, and after every cut.
    pub(super) offset: Option<u64>,
    /// Pieces left of its turn.
    pub(super) pieces_left: u32,
    /// How often it met trouble since it got further.
    pub(super) troubles: u32,
}

/// The files that are to be sent, the next one in front.
#[derive(Debug, Default)]
pub(super) struct Turns {
    queue: VecDeque<Turn>,
    /// Left for the next time.
    left: Vec<(RecordId, FileHash)>,
}

impl Turns {
    /// Takes in what is to be sent by now, in the order in which it is wanted. What is known keeps its
    /// place; what is new comes before the photos that wait, and previews before everything.
    pub(super) fn refill(&mut self, waiting: Vec<Waiting>) {
        let known = |turns: &Self, new: &Waiting| {
            turns.left.contains(&new.key())
                || turns.queue.iter().any(|turn| turn.what.key() == new.key())
        };
        let mut fresh: Vec<Turn> = waiting
            .into_iter()
            .filter(|new| !known(self, new))
            .map(|what| Turn {
                what,
                offset: None,
                pieces_left: TURN_PIECES,
                troubles: 0,
            })
            .collect();
        fresh.sort_by_key(|turn| !turn.what.is_preview);
        let previews = self
            .queue
            .iter()
            .filter(|turn| turn.what.is_preview)
            .count();
        let new_previews = fresh.iter().filter(|turn| turn.what.is_preview).count();
        let photos = fresh.split_off(new_previews);
        for (place, turn) in (previews..).zip(photos) {
            self.queue.insert(place.min(self.queue.len()), turn);
        }
        for turn in fresh.into_iter().rev() {
            self.queue.push_front(turn);
        }
    }

    /// The file whose turn it is.
    pub(super) fn front(&mut self) -> Option<&mut Turn> {
        self.queue.front_mut()
    }

    /// A piece went through. The file goes behind the others of its kind when its turn is over; says whether it is.
    pub(super) fn passed(&mut self, offset: u64) -> bool {
        let Some(turn) = self.queue.front_mut() else {
            return false;
        };
        turn.offset = Some(offset);
        turn.troubles = 0;
        turn.pieces_left = turn.pieces_left.saturating_sub(1);
        let is_over = turn.pieces_left == 0;
        if is_over {
            self.give_way();
        }
        is_over
    }

    /// The file in front goes behind all others.
    pub(super) fn give_way(&mut self) {
        if let Some(mut turn) = self.queue.pop_front() {
            turn.pieces_left = TURN_PIECES;
            self.queue.push_back(turn);
        }
    }

    /// The file in front is through, or not to be sent any more.
    pub(super) fn done(&mut self) {
        self.queue.pop_front();
    }

    /// The file in front met trouble. It gives way, and is left for the next time if that was once too often.
    /// Says whether it is left.
    pub(super) fn troubled(&mut self) -> bool {
        let Some(turn) = self.queue.front_mut() else {
            return false;
        };
        turn.troubles += 1;
        turn.offset = None;
        if turn.troubles < MOST_TROUBLES {
            self.give_way();
            return false;
        }
        self.leave();
        true
    }

    /// The file in front is left for the next time.
    pub(super) fn leave(&mut self) {
        if let Some(turn) = self.queue.pop_front() {
            self.left.push(turn.what.key());
        }
    }

    /// How many files of how many bytes are still to go.
    pub(super) fn to_go(&self) -> (u64, u64) {
        let left = |turn: &Turn| {
            let sent = turn.offset.unwrap_or(turn.what.sent_bytes);
            turn.what.bytes.saturating_sub(sent)
        };
        (self.queue.len() as u64, self.queue.iter().map(left).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: u64 = super::super::wire::PIECE_BYTES as u64;

    fn waiting(number: u8, bytes: u64, is_preview: bool) -> Waiting {
        Waiting {
            record: RecordId::from_bytes([number; 16]),
            file: FileHash::new([number; 32]),
            bytes,
            is_preview,
            upload: None,
            sent_bytes: 0,
        }
    }

    /// Sends everything, piece by piece; says in which order the files were through, and after how many
    /// pieces.
    fn send_all(turns: &mut Turns) -> Vec<(u8, u32)> {
        let (mut through, mut pieces) = (Vec::new(), 0);
        while let Some(turn) = turns.front() {
            let offset = turn.offset.unwrap_or(0) + PIECE;
            pieces += 1;
            if offset >= turn.what.bytes {
                through.push((turn.what.record.as_bytes()[0], pieces));
                turns.done();
            } else {
                turns.passed(offset);
            }
        }
        through
    }

    #[test]
    fn previews_go_first_and_then_photos_in_the_order_in_which_they_are_wanted() {
        let mut turns = Turns::default();
        turns.refill(vec![
            waiting(1, 4 * PIECE, false),
            waiting(2, 100, true),
            waiting(3, 2 * PIECE, false),
            waiting(4, 100, true),
        ]);
        let order: Vec<u8> = send_all(&mut turns)
            .into_iter()
            .map(|(file, _)| file)
            .collect();
        assert_eq!(order, [2, 4, 1, 3]);
    }

    #[test]
    fn one_huge_file_delays_each_other_by_one_turn_at_most() {
        let mut turns = Turns::default();
        let mut files = vec![waiting(1, 10_000 * PIECE, false)];
        files.extend((2..22).map(|number| waiting(number, 2 * PIECE, false)));
        turns.refill(files);
        let through = send_all(&mut turns);
        for (place, (file, pieces)) in (1..).zip(&through[..20]) {
            assert_eq!(*file, place + 1);
            assert_eq!(*pieces, TURN_PIECES + 2 * u32::from(place));
        }
        assert_eq!(through[20], (1, 10_040));
    }

    #[test]
    fn a_huge_file_is_not_starved_by_small_ones_that_keep_coming() {
        let mut turns = Turns::default();
        turns.refill(vec![waiting(0, 20 * PIECE, false)]);
        let mut pieces = 0;
        for number in 1..200 {
            turns.refill(vec![waiting(number, PIECE, false)]);
            // Two pieces for each that comes.
            for _ in 0..2 {
                let Some(turn) = turns.front() else { return };
                let offset = turn.offset.unwrap_or(0) + PIECE;
                pieces += 1;
                let is_huge = turn.what.bytes > PIECE;
                if offset < turn.what.bytes {
                    turns.passed(offset);
                } else {
                    turns.done();
                    if is_huge {
                        assert!(pieces < 60, "{pieces}");
                        return;
                    }
                }
            }
        }
        panic!("the huge file never got through");
    }

    #[test]
    fn what_was_attached_meanwhile_does_not_wait_for_what_is_old() {
        let mut turns = Turns::default();
        turns.refill(vec![waiting(1, PIECE, false), waiting(2, PIECE, false)]);
        turns.refill(vec![
            waiting(4, 100, true),
            waiting(3, PIECE, false),
            waiting(1, PIECE, false),
        ]);
        let order: Vec<u8> = send_all(&mut turns)
            .into_iter()
            .map(|(file, _)| file)
            .collect();
        assert_eq!(order, [4, 3, 1, 2]);
    }

    #[test]
    fn a_file_that_always_meets_trouble_gives_way_and_is_left_for_the_next_time() {
        let mut turns = Turns::default();
        turns.refill(vec![waiting(1, PIECE, false), waiting(2, PIECE, false)]);
        assert!(!turns.troubled());
        assert_eq!(
            turns.front().map(|turn| turn.what.record.as_bytes()[0]),
            Some(2)
        );
        turns.done();
        for _ in 2..MOST_TROUBLES {
            assert!(!turns.troubled());
        }
        assert!(turns.troubled());
        turns.refill(vec![waiting(1, PIECE, false)]);
        assert!(turns.front().is_none());
    }
}
