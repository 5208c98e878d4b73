//! Every frame in `data/frames` against its decoded form beside it. `REGENERATE_FRAMES=1` writes
//! decoded forms that are missing, never one that is there.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::BytesMut;

use super::{hex, packets};
use crate::wire::{Charset, Event, EventKind, EventValue, Message, Packet, ServerMode};
use crate::wire::{decode_state, frame};

pub(super) struct Golden {
    path: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// From the line `# compat: <number>`: what a state's body goes by.
    pub(super) compat: i64,
    /// From the line `# reading only: <why>`: this program would not send these bytes.
    reading_only: bool,
    /// From the line `# state reading only: <why>`: nor this state's body.
    pub(super) state_reading_only: bool,
}

impl Golden {
    pub(super) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/frames");
        let mut all: Vec<Self> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "frame")
            })
            .map(Self::read)
            .collect();
        all.sort_by(|one, other| one.path.cmp(&other.path));
        assert!(all.len() >= 40, "only {} golden frames found", all.len());
        all
    }

    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
        Self {
            bytes: hex(&text),
            compat: line("# compat: ").map_or(0, |number| number.parse().unwrap()),
            reading_only: line("# reading only: ").is_some(),
            state_reading_only: line("# state reading only: ").is_some(),
            path,
        }
    }

    /// The bodies of the states in it.
    pub(super) fn states(&self) -> Vec<Vec<u8>> {
        let mut states = Vec::new();
        for packet in self.packets() {
            let Packet::Body(body) = packet else { continue };
            if let Message::Event(event) = decode(&body)
                && let (EventKind::Info, EventValue::State(state)) = (event.kind, event.value())
            {
                states.push(state.to_vec());
            }
        }
        states
    }

    fn packets(&self) -> Vec<Packet> {
        packets([&self.bytes[..]]).unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }

    pub(super) fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned()
    }
}

fn decode(body: &[u8]) -> Message<'_> {
    Message::decode(body, Charset::UTF_8).unwrap()
}

fn describe(golden: &Golden) -> String {
    let mut text = String::new();
    for packet in golden.packets() {
        match packet {
            Packet::Addp(addp) => writeln!(text, "{addp:#?}").unwrap(),
            Packet::Body(body) => {
                let message = decode(&body);
                writeln!(text, "{message:#?}").unwrap();
                if let Message::Event(event) = &message {
                    text += &meaning(event, golden.compat);
                }
            }
        }
    }
    text
}

/// What the program makes of an event beyond its fields.
fn meaning(event: &Event<'_>, compat: i64) -> String {
    match event.kind {
        EventKind::Info => match event.value() {
            EventValue::State(body) => {
                let (state, error) = decode_state(body, compat, Charset::UTF_8);
                let error = error.map(|error| error.to_string());
                format!("state: {}\nerror: {error:?}\n", state.to_json())
            }
            value => format!("value: {value:?}\n"),
        },
        EventKind::StatisticClosed => format!("closed: {}\n", event.closed_statistic()),
        EventKind::ServerMode => {
            format!("mode: {:?}\n", ServerMode::from_code(event.int_value))
        }
        _ => String::new(),
    }
}

#[test]
fn decodes_as_written_beside_it() {
    for golden in Golden::all() {
        let path = golden.path.with_extension("decoded");
        let found = describe(&golden);
        if !path.exists() && std::env::var_os("REGENERATE_FRAMES").is_some() {
            fs::write(&path, &found).unwrap();
        }
        let expected =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(found, expected, "{}", golden.name());
    }
}

#[test]
fn encodes_to_the_same_bytes() {
    for golden in Golden::all().iter().filter(|golden| !golden.reading_only) {
        let mut out = BytesMut::new();
        for packet in golden.packets() {
            match packet {
                Packet::Addp(addp) => out.extend_from_slice(&addp.encode()),
                Packet::Body(body) => match decode(&body) {
                    Message::Request(request) => request.write(Charset::UTF_8, &mut out),
                    Message::Event(event) => event.write(Charset::UTF_8, &mut out),
                    Message::Unknown(id) => panic!("{}: message {id}", golden.name()),
                },
            }
        }
        assert_eq!(out, golden.bytes, "{}", golden.name());
    }
}

#[test]
fn every_prefix_is_incomplete_and_every_cut_gives_the_same() {
    for golden in Golden::all() {
        let whole = golden.packets();
        for cut in 0..golden.bytes.len() {
            let (start, end) = golden.bytes.split_at(cut);
            let begun = packets([start]).unwrap_or_else(|error| {
                panic!("{} cut at {cut}: {error}", golden.name());
            });
            assert!(begun.len() < whole.len(), "{} cut at {cut}", golden.name());
            assert_eq!(
                begun,
                whole[..begun.len()],
                "{} cut at {cut}",
                golden.name()
            );
            assert_eq!(
                packets([start, end]).unwrap(),
                whole,
                "{} cut at {cut}",
                golden.name()
            );
        }
        let bytewise = packets(golden.bytes.chunks(1));
        assert_eq!(bytewise.unwrap(), whole, "{} byte by byte", golden.name());
    }
}

#[test]
fn a_body_cut_short_is_an_error() {
    for golden in Golden::all() {
        for packet in golden.packets() {
            let Packet::Body(body) = packet else { continue };
            if matches!(decode(&body), Message::Unknown(_)) {
                continue;
            }
            for cut in 0..body.len() {
                let result = Message::decode(&body[..cut], Charset::UTF_8);
                assert!(result.is_err(), "{} cut at {cut}", golden.name());
            }
        }
    }
}

#[test]
fn travels_in_one_piece_up_to_16384_bytes() {
    let plain = |len: usize| {
        let mut out = BytesMut::new();
        frame(&vec![7; len], &mut out);
        out
    };
    assert_eq!(plain(16_380)[..6], hex("00 00 3f fc 07 07"));
    assert_eq!(plain(16_380).len(), 16_384);
    let big = plain(16_381);
    let mut expected = hex("00 00 00 1c");
    expected.extend_from_slice(b"$PACKET EXTENSION V1.00$");
    expected.extend_from_slice(&hex("00 00 3f fd 00 00 3f fc 07"));
    assert_eq!(big[..37], expected);
    assert_eq!(big[big.len() - 5..], hex("00 00 00 01 07"));
    for len in [16_380, 16_381, 32_760, 32_761] {
        let out = plain(len);
        assert_eq!(
            packets([&out[..]]).unwrap(),
            [Packet::Body(vec![7; len].into())]
        );
    }
    // What this program would have cut up is taken whole all the same.
    let mut out = hex("00 00 3f fd");
    out.extend_from_slice(&[7; 16_381]);
    assert_eq!(
        packets([&out[..]]).unwrap(),
        [Packet::Body(vec![7; 16_381].into())]
    );
}
