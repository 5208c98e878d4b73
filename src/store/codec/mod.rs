//! The bytes of schema 1: private record types, frozen, and their bincode form.
//!
//! Everything read here is untrusted. A type or a field order in this folder never changes: a new
//! form is a new type, a new version byte and a migration.

mod names;
mod packing;
mod pages;
mod parts;
mod record;
mod sample;

use bincode::Options as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(super) use names::{CheckpointV1, ServersV1, StatTypesV1};
pub(super) use packing::{Encoder, read_records};
pub(super) use pages::{
    CatalogueSlot, LastSlot, read_catalogue_page, read_last_page, write_catalogue_page,
    write_last_page,
};
pub(super) use parts::{Assembler, CHANGE_LEN_MAX, Joined, Part, part_key, seal};
use parts::{PART_PAYLOAD_MAX, PAYLOAD_LEN_MAX};
pub(super) use record::Record;

/// Why bytes are not what they should be.
pub(super) type Fault = String;

/// Appends one value in its bincode form.
pub(super) fn write<T: Serialize>(out: &mut Vec<u8>, value: &T) -> Result<(), Fault> {
    bincode::DefaultOptions::new()
        .with_varint_encoding()
        .with_limit(PAYLOAD_LEN_MAX as u64)
        .serialize_into(out, value)
        .map_err(|error| error.to_string())
}

/// As [`write`], for what the caller measures afterwards: a limit would have it all counted first.
fn write_unmeasured<T: Serialize>(out: &mut Vec<u8>, value: &T) -> Result<(), Fault> {
    bincode::DefaultOptions::new()
        .with_varint_encoding()
        .with_no_limit()
        .serialize_into(out, value)
        .map_err(|error| error.to_string())
}

/// Reads one value from the front of `rest`, which moves on behind it. No length inside the value
/// may claim more than `rest` holds.
fn read_next<T: DeserializeOwned>(rest: &mut &[u8]) -> Result<T, Fault> {
    bincode::DefaultOptions::new()
        .with_varint_encoding()
        .with_limit(rest.len() as u64)
        .deserialize_from(rest)
        .map_err(|error| error.to_string())
}

/// Reads one value that must fill `bytes`, and may borrow from them.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Fault> {
    bincode::DefaultOptions::new()
        .with_varint_encoding()
        .with_limit(bytes.len() as u64)
        .reject_trailing_bytes()
        .deserialize(bytes)
        .map_err(|error| error.to_string())
}
