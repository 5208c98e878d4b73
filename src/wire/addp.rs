//! ADDP: six-byte heartbeat packets between frames, in both directions.

/// Set in an init's or reconfiguration's data to ask for trace lines on the receiver's side.
pub const TRACE_BIT: u32 = 0x0080_0000;

pub(super) const PACKET_LEN: usize = 6;
pub(super) const MAGIC: [u8; 2] = *b"p2";

/// One heartbeat packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addp {
    /// What it asks or answers.
    pub command: AddpCommand,
    /// 24 bits: a time-out in milliseconds with [`TRACE_BIT`], a poll's number, or opaque.
    pub data: u32,
}

/// The command letter of a heartbeat packet; a small letter answers its capital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each pair is a question and its answer")]
pub enum AddpCommand {
    /// `I`: the sender's first bytes: "poll me after so much silence".
    Init,
    InitAnswer,
    /// `P`: "are you there?", numbered.
    Poll,
    PollAnswer,
    /// `R`: a new time-out for the receiver.
    Reconfigure,
    ReconfigureAnswer,
    /// `V`: the protocol's version.
    Version,
    VersionAnswer,
    /// `X` (suspend or resume polling) and letters nobody has seen: tolerated.
    Other(u8),
}

impl AddpCommand {
    const LETTERS: [(u8, Self); 8] = [
        (b'I', Self::Init),
        (b'i', Self::InitAnswer),
        (b'P', Self::Poll),
        (b'p', Self::PollAnswer),
        (b'R', Self::Reconfigure),
        (b'r', Self::ReconfigureAnswer),
        (b'V', Self::Version),
        (b'v', Self::VersionAnswer),
    ];

    /// The command with this letter.
    #[must_use]
    pub fn from_letter(letter: u8) -> Self {
        let known = Self::LETTERS
            .into_iter()
            .find(|(known, _)| *known == letter);
        known.map_or(Self::Other(letter), |(_, command)| command)
    }

    /// The letter on the wire and in trace lines.
    #[must_use]
    pub fn letter(self) -> u8 {
        if let Self::Other(letter) = self {
            return letter;
        }
        let known = Self::LETTERS
            .into_iter()
            .find(|(_, command)| *command == self);
        known.map_or(b'?', |(letter, _)| letter)
    }
}

impl Addp {
    /// The packet on the wire; data is cut to its 24 bits.
    #[must_use]
    pub fn encode(self) -> [u8; PACKET_LEN] {
        let [magic0, magic1] = MAGIC;
        let [_, high, middle, low] = self.data.to_be_bytes();
        [magic0, magic1, self.command.letter(), high, middle, low]
    }

    pub(super) fn decode(packet: [u8; PACKET_LEN]) -> Self {
        let [_, _, letter, high, middle, low] = packet;
        Self {
            command: AddpCommand::from_letter(letter),
            data: u32::from_be_bytes([0, high, middle, low]),
        }
    }
}
