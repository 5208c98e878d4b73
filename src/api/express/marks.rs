//! Where the bytes of a form stand by which it is read, found sixteen bytes at a time.

/// Bytes compared at once.
const LANES: usize = 16;
/// Bytes looked at together.
const BLOCK: usize = 4 * LANES;

/// The places of the bytes that separate (`&`, `=`, `;`), that stand for others (`%`, `+`), that are
/// not ASCII, and that JSON has to escape: control characters, `"`, `\`.
pub(super) struct Marks<'a> {
    blocks: std::slice::Iter<'a, [u8; BLOCK]>,
    /// What is less than a block.
    rest: Option<&'a [u8]>,
    /// The marks still to be told of the block that begins at `begin`, the first the lowest bit.
    left: u64,
    begin: usize,
    /// Where the next block begins.
    next: usize,
}

impl<'a> Marks<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        let (blocks, rest) = text.as_chunks();
        Self {
            blocks: blocks.iter(),
            rest: Some(rest),
            left: 0,
            begin: 0,
            next: 0,
        }
    }

    /// Goes on to the next block with a mark in it; tells whether there is one.
    fn advance(&mut self) -> bool {
        while self.left == 0 {
            self.left = match (self.blocks.next(), &mut self.rest) {
                (Some(block), _) => marks_of(block),
                (None, rest) => match rest.take() {
                    Some(rest) => marks_of_rest(rest),
                    None => return false,
                },
            };
            self.begin = self.next;
            self.next += BLOCK;
        }
        true
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.left == 0 && !self.advance() {
            return None;
        }
        let place = self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(self.begin + place)
    }
}

fn marks_of_rest(rest: &[u8]) -> u64 {
    let mut block = [b' '; BLOCK];
    if let Some(begin) = block.get_mut(..rest.len()) {
        begin.copy_from_slice(rest);
    }
    marks_of(&block)
}

/// One bit for each byte that is a mark, the first the lowest.
fn marks_of(block: &[u8; BLOCK]) -> u64 {
    let (lanes, _) = block.as_chunks();
    let lanes = lanes.iter().rev();
    lanes.fold(0, |marks, lanes| marks << LANES | marks_of_lanes(lanes))
}

#[inline]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches the compiler compares all bytes at once"
)]
fn marks_of_lanes(lanes: &[u8; LANES]) -> u64 {
    let is_mark = |byte: u8| {
        (byte < b' ')
            | (byte == b'"')
            | (byte == b'%')
            | (byte == b'&')
            | (byte == b'+')
            | (byte == b';')
            | (byte == b'=')
            | (byte == b'\\')
            | (byte > b'~')
    };
    let mut marked = [0; LANES];
    for (mark, byte) in marked.iter_mut().zip(lanes) {
        *mark = u8::from(is_mark(*byte));
    }
    let marked = u128::from_be_bytes(marked);
    // Each byte is 0 or 1; the product has all eight of them in its upper byte, and carries nothing.
    let gather = |half: u128| {
        let half = u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default();
        half.wrapping_mul(0x8040_2010_0804_0201) >> 56
    };
    gather(marked >> 64) | gather(marked) << 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_mark_is_found_and_nothing_else(text: Vec<u8>) {
            let found: Vec<usize> = Marks::of(&text).collect();
            let is_mark = |byte: &u8| {
                b"&=;%+\"\\\x7f".contains(byte) || *byte < 0x20 || *byte >= 0x80
            };
            let expected: Vec<usize> = (0..text.len()).filter(|at| is_mark(&text[*at])).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
