//! `zstd` with what it works in kept from one column to the next: making that anew costs more than
//! a short column itself.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

use crate::store::codec::Fault;

/// The fastest that packs about as small as any.
const COMPRESSION_LEVEL: i32 = 3;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Packs bytes.
pub(super) fn pack(plain: &[u8]) -> Result<Vec<u8>, Fault> {
    let make = || Compressor::new(COMPRESSION_LEVEL);
    with(&COMPRESSOR, make, |compressor| compressor.compress(plain))
}

/// Unpacks what must not be longer than `len_max`.
pub(super) fn unpack(packed: &[u8], len_max: usize) -> Result<Vec<u8>, Fault> {
    with(&DECOMPRESSOR, Decompressor::new, |decompressor| {
        decompressor.decompress(packed, len_max)
    })
}

/// Unpacks what must not be longer than `len_max`, to be looked at only.
pub(super) fn with_unpacked<T>(
    packed: &[u8],
    len_max: usize,
    look: impl FnOnce(&[u8]) -> Result<T, Fault>,
) -> Result<T, Fault> {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        scratch.reserve(len_max);
        let unpacked = with(&DECOMPRESSOR, Decompressor::new, |decompressor| {
            decompressor.decompress_to_buffer(packed, scratch)
        })?;
        // The room may have been there for something longer.
        if unpacked > len_max {
            return Err("unpacked, it is too long".to_owned());
        }
        look(scratch)
    })
}

fn with<C, T>(
    kept: &'static std::thread::LocalKey<RefCell<Option<C>>>,
    make: impl FnOnce() -> io::Result<C>,
    work: impl FnOnce(&mut C) -> io::Result<T>,
) -> Result<T, Fault> {
    kept.with_borrow_mut(|kept| {
        // Taken out meanwhile: what fails is not used again.
        let mut context = kept.take().map_or_else(make, Ok)?;
        let done = work(&mut context)?;
        *kept = Some(context);
        Ok(done)
    })
    .map_err(|error: io::Error| error.to_string())
}
