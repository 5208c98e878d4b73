//! The character set of a connection: not negotiated, a setting per Stat Server.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// A character set by its WHATWG label; UTF-8 unless configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// UTF-8.
    pub const UTF_8: Self = Self(encoding_rs::UTF_8);

    /// The character set with this label, for example `utf-8`, `windows-1252`, `shift_jis`.
    #[must_use]
    pub fn for_label(label: &str) -> Option<Self> {
        // UTF-16 has no encoder here and zero bytes in every ASCII text: no Stat Server speaks it.
        let encoding = Encoding::for_label(label.as_bytes())?;
        (encoding.output_encoding() == encoding).then_some(Self(encoding))
    }

    /// Bytes to text; what is no text in this character set becomes U+FFFD.
    #[must_use]
    pub fn decode<'a>(&self, bytes: &'a [u8]) -> Cow<'a, str> {
        // What nearly every connection has, and nearly every text is, costs the look alone.
        if self.is_utf_8()
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return Cow::Borrowed(text);
        }
        self.0.decode_without_bom_handling(bytes).0
    }

    /// Text to bytes; what the character set lacks becomes a numeric character reference.
    #[must_use]
    pub fn encode<'a>(&self, text: &'a str) -> Cow<'a, [u8]> {
        if self.is_utf_8() {
            return Cow::Borrowed(text.as_bytes());
        }
        self.0.encode(text).0
    }

    fn is_utf_8(self) -> bool {
        self.0 == encoding_rs::UTF_8
    }
}

impl Default for Charset {
    fn default() -> Self {
        Self::UTF_8
    }
}
