//! Values in parts of at most 4 KiB, each with a version byte and a checksum.
//!
//! The engine keeps values near 128 KiB and above in separate files that it never syncs; parts keep
//! everything far below that. The checksum covers the key, so a value under a wrong key is noticed.

use super::Fault;

/// The longest value handed to the engine.
const PART_LEN_MAX: usize = 4096;
/// Version byte, checksum, number of parts that follow, checksum of the whole payload.
const HEADER_LEN: usize = 1 + 4 + 2 + 4;
/// What of a payload fits in one part.
pub(in crate::store) const PART_PAYLOAD_MAX: usize = PART_LEN_MAX - HEADER_LEN;
/// The longest payload, all parts together: a page of the biggest changes.
pub(in crate::store) const PAYLOAD_LEN_MAX: usize = 260_000_000;
/// The longest single change. The wire's messages are shorter.
pub(in crate::store) const CHANGE_LEN_MAX: usize = 4_000_000;
const VERSION: u8 = 1;
/// The part number at the end of every key.
const PART_NUMBER_LEN: usize = 2;

const _: () = assert!(PAYLOAD_LEN_MAX.div_ceil(PART_PAYLOAD_MAX) <= u16::MAX as usize);
const _: () = assert!(CHANGE_LEN_MAX * 64 <= PAYLOAD_LEN_MAX);

/// One key and value for the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Part {
    pub(in crate::store) key: Vec<u8>,
    pub(in crate::store) value: Vec<u8>,
}

/// The key of part `number` of what is kept under `prefix`.
pub(in crate::store) fn part_key(prefix: &[u8], number: u16) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + PART_NUMBER_LEN);
    key.extend_from_slice(prefix);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Cuts a payload into parts. There is always at least one; a payload over [`PAYLOAD_LEN_MAX`] is
/// refused.
pub(in crate::store) fn seal(prefix: &[u8], payload: &[u8]) -> Result<Vec<Part>, Fault> {
    if payload.len() > PAYLOAD_LEN_MAX {
        return Err(format!("{} bytes are too many to store", payload.len()));
    }
    let whole = crc32fast::hash(payload).to_be_bytes();
    let mut rest = payload;
    let mut parts = Vec::with_capacity(payload.len() / PART_PAYLOAD_MAX + 1);
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(PART_PAYLOAD_MAX));
        rest = after;
        let number = u16::try_from(parts.len()).map_err(|error| error.to_string())?;
        let following = u16::try_from(rest.len().div_ceil(PART_PAYLOAD_MAX))
            .map_err(|error| error.to_string())?;
        let key = part_key(prefix, number);
        let mut sealed = Vec::with_capacity(chunk.len() + HEADER_LEN);
        sealed.extend_from_slice(&following.to_be_bytes());
        sealed.extend_from_slice(&whole);
        sealed.extend_from_slice(chunk);
        let mut value = Vec::with_capacity(sealed.len() + HEADER_LEN);
        value.push(VERSION);
        value.extend_from_slice(&checksum(&key, &sealed).to_be_bytes());
        value.append(&mut sealed);
        debug_assert!(value.len() <= PART_LEN_MAX);
        parts.push(Part { key, value });
        if rest.is_empty() {
            return Ok(parts);
        }
    }
}

fn checksum(key: &[u8], sealed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[VERSION]);
    hasher.update(key);
    hasher.update(sealed);
    hasher.finalize()
}

/// What was kept under one prefix.
#[derive(Debug)]
pub(in crate::store) struct Joined {
    pub(in crate::store) prefix: Vec<u8>,
    /// One more than the greatest part number seen, for replacing all of them.
    pub(in crate::store) parts: u16,
    /// Bytes of keys and values.
    pub(in crate::store) size: u64,
    pub(in crate::store) payload: Result<Vec<u8>, Fault>,
}

/// Puts parts together again, fed in key order.
#[derive(Debug, Default)]
pub(in crate::store) struct Assembler {
    current: Option<Group>,
}

#[derive(Debug)]
struct Group {
    joined: Joined,
    whole: u32,
    /// How many parts must still come.
    missing: u16,
}

impl Assembler {
    /// Takes the next key and value; returns what they show to be complete.
    pub(in crate::store) fn push(&mut self, key: &[u8], value: &[u8]) -> Option<Joined> {
        let (prefix, number) = split_key(key);
        let same = |group: &Group| group.joined.prefix == prefix;
        let done = if self.current.as_ref().is_some_and(same) {
            None
        } else {
            self.finish()
        };
        let group = self.current.get_or_insert_with(|| Group::new(prefix));
        group.joined.size += (key.len() + value.len()) as u64;
        if let Err(fault) = group.add(key, number, value) {
            group.joined.payload = Err(fault);
        }
        done
    }

    /// What the parts of the last prefix make so far, if all of them are in order: each has a
    /// checksum of its own.
    pub(in crate::store) fn so_far(&self) -> Option<&[u8]> {
        let group = self.current.as_ref()?;
        group.joined.payload.as_deref().ok()
    }

    /// Whether no more parts of the last prefix are to come.
    pub(in crate::store) fn is_complete(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|group| group.missing == 0)
    }

    /// Returns what the last parts make, after which the assembler is as new.
    pub(in crate::store) fn finish(&mut self) -> Option<Joined> {
        self.current.take().map(Group::close)
    }
}

impl Group {
    fn new(prefix: &[u8]) -> Self {
        Self {
            joined: Joined {
                prefix: prefix.to_vec(),
                parts: 0,
                size: 0,
                payload: Ok(Vec::new()),
            },
            whole: 0,
            missing: 0,
        }
    }

    fn add(&mut self, key: &[u8], number: u16, value: &[u8]) -> Result<(), Fault> {
        let first = self.joined.parts == 0;
        let expected = std::mem::replace(&mut self.joined.parts, number.saturating_add(1));
        let (following, whole, chunk) = unseal(key, value)?;
        let Ok(payload) = &mut self.joined.payload else {
            return Ok(());
        };
        if number != expected || (!first && (following.checked_add(1) != Some(self.missing))) {
            return Err(format!("part {expected} is missing"));
        }
        if first {
            self.whole = whole;
        } else if whole != self.whole {
            return Err(format!("part {number} belongs to another value"));
        }
        self.missing = following;
        if payload.len() + chunk.len() > PAYLOAD_LEN_MAX {
            return Err("longer than any value may be".to_owned());
        }
        payload.extend_from_slice(chunk);
        Ok(())
    }

    fn close(mut self) -> Joined {
        if let Ok(payload) = &self.joined.payload {
            if self.missing > 0 {
                self.joined.payload = Err(format!("{} parts are missing", self.missing));
            } else if crc32fast::hash(payload) != self.whole {
                self.joined.payload = Err("the parts do not fit together".to_owned());
            }
        }
        self.joined
    }
}

fn split_key(key: &[u8]) -> (&[u8], u16) {
    match key.split_last_chunk::<PART_NUMBER_LEN>() {
        Some((prefix, number)) => (prefix, u16::from_be_bytes(*number)),
        None => (key, 0),
    }
}

fn unseal<'a>(key: &[u8], value: &'a [u8]) -> Result<(u16, u32, &'a [u8]), Fault> {
    let short = || format!("only {} bytes long", value.len());
    let (&version, rest) = value.split_first().ok_or_else(short)?;
    if version != VERSION {
        return Err(format!("of version {version}, which is unknown"));
    }
    let (stored, sealed) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    if u32::from_be_bytes(*stored) != checksum(key, sealed) {
        return Err("the checksum does not match".to_owned());
    }
    let (following, rest) = sealed.split_first_chunk::<2>().ok_or_else(short)?;
    let (whole, chunk) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    Ok((
        u16::from_be_bytes(*following),
        u32::from_be_bytes(*whole),
        chunk,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(parts: &[Part]) -> Joined {
        let mut assembler = Assembler::default();
        for part in parts {
            assert!(assembler.push(&part.key, &part.value).is_none());
        }
        assembler.finish().unwrap()
    }

    #[test]
    fn a_payload_of_any_length_comes_back() {
        for len in [0, 1, 4084, 4085, 4086, 8170, 8171, 1 << 20] {
            let payload: Vec<u8> = (0..len).map(|i: u32| i.to_be_bytes()[3]).collect();
            let parts = seal(b"k", &payload).unwrap();
            assert!(parts.iter().all(|part| part.value.len() <= PART_LEN_MAX));
            let joined = join(&parts);
            assert_eq!(joined.payload.unwrap(), payload, "{len}");
            assert_eq!(usize::from(joined.parts), parts.len());
        }
    }

    #[test]
    fn a_missing_swapped_foreign_or_changed_part_is_noticed() {
        let payload = vec![7; 10_000];
        let parts = seal(b"k", &payload).unwrap();
        for missing in 0..parts.len() {
            let mut torn = parts.clone();
            torn.remove(missing);
            assert!(join(&torn).payload.is_err(), "without part {missing}");
        }
        let mut mixed = parts.clone();
        mixed[1] = seal(b"k", &vec![8; 10_000]).unwrap().swap_remove(1);
        assert!(join(&mixed).payload.is_err());
        let mut moved = parts.clone();
        moved[0].value = seal(b"j", &payload).unwrap().swap_remove(0).value;
        assert!(join(&moved).payload.is_err());
        for byte in 0..20 {
            let mut flipped = parts.clone();
            flipped[0].value[byte] ^= 0x10;
            assert!(join(&flipped).payload.is_err(), "byte {byte}");
        }
    }
}
