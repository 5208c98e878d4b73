//! A bounded big-endian reader whose methods name what they read, so that errors do too.

use super::error::{Error, Fault};

#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, whose first byte stands at `offset` of the frame.
    pub(super) fn at(offset: usize, bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            offset,
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn bytes(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Error> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or_else(|| self.fault(Fault::Truncated(what)))?;
        self.rest = rest;
        self.offset += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Error> {
        let offset = self.offset;
        let taken = self.bytes(N, what)?;
        taken
            .try_into()
            .map_err(|_| Error::at(offset, Fault::Truncated(what)))
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, Error> {
        let [byte] = self.array(what)?;
        Ok(byte)
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, Error> {
        Ok(u16::from_be_bytes(self.array(what)?))
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.array(what)?))
    }

    pub(super) fn i32(&mut self, what: &'static str) -> Result<i32, Error> {
        Ok(i32::from_be_bytes(self.array(what)?))
    }

    pub(super) fn i64(&mut self, what: &'static str) -> Result<i64, Error> {
        Ok(i64::from_be_bytes(self.array(what)?))
    }

    /// Takes the next `N` bytes if they are there and `is_it` says that they are wanted.
    pub(super) fn take_if<const N: usize>(&mut self, is_it: impl FnOnce([u8; N]) -> bool) -> bool {
        let Some((ahead, rest)) = self.rest.split_first_chunk() else {
            return false;
        };
        let taken = is_it(*ahead);
        if taken {
            self.rest = rest;
            self.offset += N;
        }
        taken
    }

    /// Bytes behind a u16 length that does not count itself.
    pub(super) fn block16(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        let len = self.u16(what)?;
        self.bytes(usize::from(len), what)
    }

    /// Bytes behind a u32 length that does not count itself.
    pub(super) fn block32(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        let len = self.u32(what)?;
        // A length beyond the address space is beyond the frame too.
        self.bytes(usize::try_from(len).unwrap_or(usize::MAX), what)
    }

    /// Bytes behind a u16 length that counts its own two bytes.
    pub(super) fn block16_self(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        let offset = self.offset;
        let counted = self.u16(what)?;
        let len = counted
            .checked_sub(2)
            .ok_or(Error::at(offset, Fault::BlockLength(counted)))?;
        self.bytes(usize::from(len), what)
    }

    /// Checks that nothing is left.
    pub(super) fn end(&self) -> Result<(), Error> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.fault(Fault::TrailingBytes(left))),
        }
    }

    pub(super) fn fault(&self, fault: Fault) -> Error {
        Error::at(self.offset, fault)
    }
}
