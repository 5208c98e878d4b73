//! Packs journal records into entries, and reads them out again.

use super::record::{Record, RecordV1};
use super::sample::Previous;
use super::{CHANGE_LEN_MAX, Fault, PART_PAYLOAD_MAX, read_next, write_unmeasured};

/// The payload of one journal entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Chunk {
    pub(in crate::store) payload: Vec<u8>,
    pub(in crate::store) records: u64,
}

/// Packs records into as few payloads as fit one part each. A record too big for one part gets a
/// payload of its own.
#[derive(Debug, Default)]
pub(in crate::store) struct Encoder {
    done: Vec<Chunk>,
    payload: Vec<u8>,
    records: u64,
    previous: Previous,
    scratch: Vec<u8>,
}

impl Encoder {
    /// Adds a record. Refuses only one longer than anything the store accepts.
    pub(in crate::store) fn push(&mut self, record: &Record) -> Result<(), Fault> {
        let mut previous = self.previous;
        self.encode(record, &mut previous)?;
        if self.scratch.len() > CHANGE_LEN_MAX {
            return Err(format!(
                "a change of {} bytes is too big",
                self.scratch.len()
            ));
        }
        if !self.payload.is_empty() && self.payload.len() + self.scratch.len() > PART_PAYLOAD_MAX {
            self.cut();
            previous = Previous::default();
            self.encode(record, &mut previous)?;
        }
        self.payload.append(&mut self.scratch);
        self.records += 1;
        self.previous = previous;
        Ok(())
    }

    /// The packed payloads, in order.
    pub(in crate::store) fn finish(mut self) -> Vec<Chunk> {
        if self.records > 0 {
            self.cut();
        }
        self.done
    }

    fn encode(&mut self, record: &Record, previous: &mut Previous) -> Result<(), Fault> {
        self.scratch.clear();
        write_unmeasured(&mut self.scratch, &RecordV1::encode(record, previous))
    }

    fn cut(&mut self) {
        self.done.push(Chunk {
            payload: std::mem::take(&mut self.payload),
            records: std::mem::take(&mut self.records),
        });
        self.previous = Previous::default();
    }
}

/// Reads an entry's payload. What comes before a fault is good; a record that is well formed and
/// yet means nothing is described in `faults` and left out.
pub(in crate::store) fn read_records(
    payload: &[u8],
    faults: &mut Vec<Fault>,
    take: &mut dyn FnMut(Record),
) {
    let mut rest = payload;
    let mut previous = Previous::default();
    while !rest.is_empty() {
        let record =
            read_next::<RecordV1<'_>>(&mut rest).and_then(|encoded| encoded.decode(&mut previous));
        match record {
            Ok(Ok(record)) => take(record),
            Ok(Err(fault)) => faults.push(fault),
            Err(fault) => {
                faults.push(fault);
                return;
            }
        }
    }
}
