//! CBOR as `minicbor` writes it: definite lengths, shortest heads.

use super::atoms::{As, Atoms, By, Place, place_within};
use super::streams::{Reader, Writer};
use super::{Out, Spoilt, change, json};

/// Numbers below are kinds of their own.
const SMALL: u64 = 24;
const NUMBER: u8 = 24;
const NEGATIVE: u8 = 25;
const BYTES: u8 = 26;
const ID: u8 = 27;
const DIGEST: u8 = 28;
const CHANGE: u8 = 29;
const JSON: u8 = 30;
const NESTED: u8 = 31;
const TEXT: u8 = 32;
const FALSE: u8 = 33;
const TRUE: u8 = 34;
const NULL: u8 = 35;
/// Members with a meaning each.
const MEMBERS: u8 = 36;
/// Items of one kind.
const ITEMS: u8 = 37;
const BIG: u8 = 38;

const MOST_DEPTH: u32 = 32;

/// The major type and argument of the head at the beginning; `None` if it has another form.
fn head(bytes: &mut &[u8]) -> Option<(u8, u64)> {
    let (first, rest) = bytes.split_first()?;
    let (major, short) = (first >> 5, first & 0x1f);
    let length = match short {
        0..=23 => {
            *bytes = rest;
            return Some((major, u64::from(short)));
        }
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (argument, rest) = rest.split_at_checked(length)?;
    let argument = argument
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    // Values of major type 7 are other things than numbers.
    let least: u64 = match length {
        1 => 24,
        2 => 1 << 8,
        4 => 1 << 16,
        _ => 1 << 32,
    };
    *bytes = rest;
    (argument >= least && major != 7).then_some((major, argument))
}

fn put_head(out: &mut Out, major: u8, argument: u64) -> Result<(), Spoilt> {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    match argument {
        0..=23 => out.push(&[major | bytes[7]]),
        24..=0xff => out.push(&[major | 24, bytes[7]]),
        0x100..=0xffff => out.push(&[&[major | 25], &bytes[6..]].concat()),
        0x1_0000..=0xffff_ffff => out.push(&[&[major | 26], &bytes[4..]].concat()),
        _ => out.push(&[&[major | 27], &bytes[..]].concat()),
    }
}

fn split<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// Whether these bytes are one value that comes back just as it is.
pub(super) fn fits(mut bytes: &[u8]) -> bool {
    skip(&mut bytes, 0).is_some() && bytes.is_empty()
}

fn skip(bytes: &mut &[u8], depth: u32) -> Option<()> {
    if depth > MOST_DEPTH {
        return None;
    }
    let (major, argument) = head(bytes)?;
    match major {
        0 | 1 => Some(()),
        2 => split(bytes, argument).map(drop),
        3 => std::str::from_utf8(split(bytes, argument)?).ok().map(drop),
        4 => (0..argument).try_for_each(|_| skip(bytes, depth + 1)),
        7 => (20..=22).contains(&argument).then_some(()),
        _ => None,
    }
}

/// Takes a value apart that [`fits`].
pub(super) fn put(out: &mut Writer, atoms: &mut Atoms, mut bytes: &[u8], depth: u32) {
    let _ = value(out, atoms, &mut bytes, 0, depth);
}

fn value(
    out: &mut Writer,
    atoms: &mut Atoms,
    bytes: &mut &[u8],
    place: Place,
    depth: u32,
) -> Option<()> {
    let (major, argument) = head(bytes)?;
    match major {
        0 if argument < SMALL => out.kind(argument as u8),
        0 | 1 if argument > i64::MAX.unsigned_abs() => {
            out.kind(BIG);
            out.kind(major);
            out.raw(&argument.to_be_bytes());
        }
        0 | 1 => {
            out.kind(if major == 0 { NUMBER } else { NEGATIVE });
            atoms.put_number(out, argument.cast_signed(), place);
        }
        2 => put_bytes(out, atoms, split(bytes, argument)?, depth),
        3 => {
            let text = std::str::from_utf8(split(bytes, argument)?).ok()?;
            out.kind(TEXT);
            atoms.put_text(out, text, As::Value);
        }
        4 => put_array(out, atoms, bytes, (argument, place), depth)?,
        _ => out.kind(match argument {
            20 => FALSE,
            21 => TRUE,
            _ => NULL,
        }),
    }
    Some(())
}

fn put_bytes(out: &mut Writer, atoms: &mut Atoms, bytes: &[u8], depth: u32) {
    if let Ok(id) = bytes.try_into() {
        out.kind(ID);
        atoms.put_id(out, id, By::Step);
    } else if let Ok(digest) = bytes.try_into() {
        out.kind(DIGEST);
        atoms.put_digest(out, digest, By::Step);
    } else if let Some(change) = change::read(bytes, out.changes) {
        out.kind(CHANGE);
        change::put(out, atoms, &change);
    } else if bytes.first() == Some(&b'{') && json::fits(bytes) {
        out.kind(JSON);
        json::put(out, atoms, bytes);
    } else if depth < MOST_DEPTH / 2
        && bytes.first().is_some_and(|first| first >> 5 == 4)
        && fits(bytes)
    {
        out.kind(NESTED);
        put(out, atoms, bytes, depth + 1);
    } else {
        out.kind(BYTES);
        out.count(bytes.len());
        out.raw(bytes);
    }
}

/// Items of one kind share a place; members have one each.
fn put_array(
    out: &mut Writer,
    atoms: &mut Atoms,
    bytes: &mut &[u8],
    (count, place): (u64, Place),
    depth: u32,
) -> Option<()> {
    let are_items = {
        let mut rest = *bytes;
        let mut alike = count != 2 || bytes.first().is_some_and(|first| first >> 5 != 0);
        let first = bytes.first().map(|first| first >> 5);
        for _ in 0..count {
            alike &= rest.first().map(|first| first >> 5) == first && first >= Some(2);
            if !alike {
                break;
            }
            skip(&mut rest, depth)?;
        }
        alike
    };
    out.kind(if are_items { ITEMS } else { MEMBERS });
    out.count(usize::try_from(count).ok()?);
    let mut variant = 0;
    for number in 0..count {
        let part = if are_items { 0 } else { 1 + number + variant };
        if let [first @ 0..=23, ..] = bytes
            && number == 0
            && count == 2
        {
            // Of a variant and its members.
            variant = 32 * (1 + u64::from(*first));
        }
        value(out, atoms, bytes, place_within(place, part), depth + 1)?;
    }
    Some(())
}

/// Puts a value together.
pub(super) fn take(
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    out: &mut Out,
    depth: u32,
) -> Result<(), Spoilt> {
    let kind = from.kind()?;
    take_value(kind, from, atoms, out, (0, depth))
}

fn take_value(
    kind: u8,
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    out: &mut Out,
    (place, depth): (Place, u32),
) -> Result<(), Spoilt> {
    if depth > MOST_DEPTH {
        return Err(Spoilt);
    }
    match kind {
        NUMBER | NEGATIVE => {
            let number = atoms.take_number(from, place)?;
            let number = u64::try_from(number).map_err(|_| Spoilt)?;
            put_head(out, kind - NUMBER, number)
        }
        BIG => {
            let major = from.kind()? & 1;
            put_head(out, major, u64::from_be_bytes(from.array()?))
        }
        ID => {
            put_head(out, 2, 16)?;
            out.push(&atoms.take_id(from, By::Step)?)
        }
        DIGEST => {
            put_head(out, 2, 32)?;
            out.push(&atoms.take_digest(from, By::Step)?)
        }
        BYTES => {
            let length = from.count()?;
            put_head(out, 2, length as u64)?;
            out.push(from.raw(length)?)
        }
        CHANGE => within(out, |out| change::take(from, atoms, out)),
        JSON => within(out, |out| json::take(from, atoms, out)),
        NESTED => within(out, |out| take(from, atoms, out, depth + 1)),
        TEXT => {
            let text = atoms.take_text(from, As::Value)?;
            put_head(out, 3, text.len() as u64)?;
            out.push(text.as_bytes())
        }
        FALSE => out.push(&[0xf4]),
        TRUE => out.push(&[0xf5]),
        NULL => out.push(&[0xf6]),
        MEMBERS | ITEMS => take_array(kind, from, atoms, out, (place, depth)),
        small if u64::from(small) < SMALL => out.push(&[small]),
        _ => Err(Spoilt),
    }
}

fn take_array(
    kind: u8,
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    out: &mut Out,
    (place, depth): (Place, u32),
) -> Result<(), Spoilt> {
    let count = from.count()? as u64;
    put_head(out, 4, count)?;
    let mut variant = 0;
    for number in 0..count {
        let part = match kind {
            ITEMS => 0,
            _ => 1 + number + variant,
        };
        let kind = from.kind()?;
        if number == 0 && count == 2 && u64::from(kind) < SMALL {
            variant = 32 * (1 + u64::from(kind));
        }
        let place = place_within(place, part);
        take_value(kind, from, atoms, out, (place, depth + 1))?;
    }
    Ok(())
}

/// A byte string of what is put together inside.
fn within(
    out: &mut Out,
    inside: impl FnOnce(&mut Out) -> Result<(), Spoilt>,
) -> Result<(), Spoilt> {
    let mut bytes = Out::below(out.left());
    inside(&mut bytes)?;
    put_head(out, 2, bytes.bytes().len() as u64)?;
    out.push(bytes.bytes())
}
