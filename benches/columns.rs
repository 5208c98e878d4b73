//! Compares ways of packing history's columns on a simulated day: `pco`, `zstd` over plain
//! differences, and bit-packed differences of differences. Prints figures; asserts nothing.

mod day;

use std::collections::BTreeMap;
use std::time::Duration;

use peekd::model::{Statistic, Value};
use peekd::simulator::Scenario;
use tokio::time::Instant;

use day::{Day, play};

/// Samples in one chunk of the store's history.
const CHUNK_LEN: usize = 8192;

#[derive(Default)]
struct Columns {
    times: Vec<i64>,
    values: Vec<i64>,
}

type Pack = fn(&[i64]) -> Vec<u8>;
type Unpack = fn(&[u8], usize) -> Vec<i64>;

fn main() {
    let day = Day {
        scenario: Scenario {
            statistics: Some(2_000),
            seed: Some(1),
            ..Scenario::default()
        },
        length: Duration::from_hours(4),
        step: Duration::from_secs(5),
    };
    let mut by_statistic: BTreeMap<u32, Columns> = BTreeMap::new();
    let (mut texts, mut text_bytes) = (Vec::new(), 0);
    let mut growing: Vec<bool> = Vec::new();
    let note = &mut |statistics: &[Statistic]| {
        growing = statistics.iter().map(day::grows).collect();
    };
    play(day, note, &mut |changes| {
        for (at, id, value) in changes {
            if let Value::Integer(number) = value {
                let columns = by_statistic.entry(*id).or_default();
                columns.times.push(at.0.cast_signed());
                columns.values.push(*number);
            } else {
                let text = value.to_json();
                text_bytes += text.len();
                texts.push(text);
            }
        }
    });
    let (mut all, mut others) = (Columns::default(), Columns::default());
    for (id, mut columns) in by_statistic {
        if growing.get(id as usize) == Some(&false) {
            others.times.extend_from_slice(&columns.times);
            others.values.extend_from_slice(&columns.values);
        }
        all.times.append(&mut columns.times);
        all.values.append(&mut columns.values);
    }
    report(&format!(
        "{} integers, {} of them not of time passing; {} texts",
        all.times.len(),
        others.times.len(),
        texts.len()
    ));
    let ways: [(&str, Pack, Unpack); 5] = [
        ("pco", pack_pco, unpack_pco),
        ("zstd, differences", pack_zstd1, unpack_zstd1),
        ("zstd, differences of differences", pack_zstd2, unpack_zstd2),
        (
            "bit-packed, differences of differences",
            pack_bits2,
            unpack_bits2,
        ),
        ("bit-packed, differences", pack_bits1, unpack_bits1),
    ];
    for (name, pack, unpack) in ways {
        measure(name, "times", &all.times, pack, unpack);
        measure(name, "values", &all.values, pack, unpack);
        measure(name, "other times", &others.times, pack, unpack);
        measure(name, "other values", &others.values, pack, unpack);
    }
    let mut packed = 0;
    let began = Instant::now();
    for chunk in texts.chunks(CHUNK_LEN / 8) {
        packed += zstd::bulk::compress(chunk.concat().as_bytes(), 3).map_or(0, |out| out.len());
    }
    report(&format!(
        "zstd, texts: {text_bytes} bytes become {packed} in {:?}, {} texts",
        began.elapsed(),
        texts.len()
    ));
}

fn measure(name: &str, what: &str, column: &[i64], pack: Pack, unpack: Unpack) {
    let began = Instant::now();
    let packed: Vec<Vec<u8>> = column.chunks(CHUNK_LEN).map(pack).collect();
    let packing = began.elapsed();
    let began = Instant::now();
    let mut wrong = 0;
    for (packed, chunk) in packed.iter().zip(column.chunks(CHUNK_LEN)) {
        wrong += usize::from(unpack(packed, chunk.len()) != chunk);
    }
    let unpacking = began.elapsed();
    let bytes: usize = packed.iter().map(Vec::len).sum();
    let hundredths = bytes * 100 / column.len().max(1);
    let rate = |took: Duration| column.len() as u128 / took.as_micros().max(1);
    report(&format!(
        "{name}, {what}: {}.{:02} bytes each, packs {} M/s, unpacks {} M/s{}",
        hundredths / 100,
        hundredths % 100,
        rate(packing),
        rate(unpacking),
        if wrong == 0 { "" } else { ", WRONG" },
    ));
}

fn pack_pco(column: &[i64]) -> Vec<u8> {
    let config = pco::ChunkConfig::default().with_compression_level(8);
    pco::standalone::simple_compress(column, &config).unwrap_or_default()
}

fn unpack_pco(packed: &[u8], _len: usize) -> Vec<i64> {
    pco::standalone::simple_decompress(packed).unwrap_or_default()
}

fn pack_zstd1(column: &[i64]) -> Vec<u8> {
    pack_zstd(&differences(column))
}

fn unpack_zstd1(packed: &[u8], len: usize) -> Vec<i64> {
    sums(&unpack_zstd(packed, len))
}

fn pack_zstd2(column: &[i64]) -> Vec<u8> {
    pack_zstd(&differences(&differences(column)))
}

fn unpack_zstd2(packed: &[u8], len: usize) -> Vec<i64> {
    sums(&sums(&unpack_zstd(packed, len)))
}

fn pack_zstd(column: &[i64]) -> Vec<u8> {
    let mut plain = Vec::new();
    for difference in column {
        let mut rest = (difference << 1 ^ difference >> 63).cast_unsigned();
        while rest >= 0x80 {
            plain.push(rest.to_be_bytes()[7] | 0x80);
            rest >>= 7;
        }
        plain.push(rest.to_be_bytes()[7]);
    }
    zstd::bulk::compress(&plain, 3).unwrap_or_default()
}

fn unpack_zstd(packed: &[u8], len: usize) -> Vec<i64> {
    let plain = zstd::bulk::decompress(packed, len * 10).unwrap_or_default();
    let (mut out, mut rest, mut shift) = (Vec::with_capacity(len), 0_u64, 0);
    for byte in plain {
        rest |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            out.push((rest >> 1).cast_signed() ^ -(rest & 1).cast_signed());
            (rest, shift) = (0, 0);
        }
    }
    out
}

fn pack_bits1(column: &[i64]) -> Vec<u8> {
    pack_bits(&differences(column))
}

fn unpack_bits1(packed: &[u8], len: usize) -> Vec<i64> {
    sums(&unpack_bits(packed, len))
}

fn pack_bits2(column: &[i64]) -> Vec<u8> {
    pack_bits(&differences(&differences(column)))
}

fn unpack_bits2(packed: &[u8], len: usize) -> Vec<i64> {
    sums(&sums(&unpack_bits(packed, len)))
}

fn differences(column: &[i64]) -> Vec<i64> {
    let mut last = 0;
    let step = |value: &i64| value.wrapping_sub(std::mem::replace(&mut last, *value));
    column.iter().map(step).collect()
}

fn sums(differences: &[i64]) -> Vec<i64> {
    let mut last = 0_i64;
    let step = |difference: &i64| {
        last = last.wrapping_add(*difference);
        last
    };
    differences.iter().map(step).collect()
}

/// 128 numbers under one width, exceptions under none: the plain form of the idea.
fn pack_bits(column: &[i64]) -> Vec<u8> {
    let mut out = Vec::new();
    for block in column.chunks(128) {
        let zigzag = block
            .iter()
            .map(|value| (value << 1 ^ value >> 63).cast_unsigned());
        let width = zigzag.clone().map(|value| 64 - value.leading_zeros()).max();
        let width = width.unwrap_or(0);
        out.push(width.to_be_bytes()[3]);
        let (mut held, mut bits) = (0_u128, 0);
        for value in zigzag {
            held |= u128::from(value) << bits;
            bits += width;
            while bits >= 8 {
                out.push(held.to_be_bytes()[15]);
                held >>= 8;
                bits -= 8;
            }
        }
        if bits > 0 {
            out.push(held.to_be_bytes()[15]);
        }
    }
    out
}

fn unpack_bits(packed: &[u8], len: usize) -> Vec<i64> {
    let mut out = Vec::with_capacity(len);
    let mut bytes = packed.iter().copied();
    while out.len() < len {
        let width = u32::from(bytes.next().unwrap_or(0));
        let mask = 1_u128.checked_shl(width).unwrap_or(0).wrapping_sub(1);
        let (mut held, mut bits) = (0_u128, 0);
        for _ in 0..128.min(len - out.len()) {
            while bits < width {
                held |= u128::from(bytes.next().unwrap_or(0)) << bits;
                bits += 8;
            }
            let value = u64::try_from(held & mask).unwrap_or(u64::MAX);
            out.push((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            held >>= width;
            bits -= width;
        }
    }
    out
}

#[expect(clippy::print_stdout, reason = "figures for people")]
fn report(line: &str) {
    println!("{line}");
}
