//! ADDP trace lines of our own side, as the vendor writes them.

use crate::model::{Clock, Timestamp};
use crate::wire::{Addp, AddpCommand, TRACE_BIT};

/// Writes one connection's heartbeat packets to the log.
#[derive(Debug, Clone)]
pub struct Trace {
    clock: Clock,
    /// Our port on it, which tells it from others in the log.
    connection: u16,
}

impl Trace {
    /// Lines for the connection with this local port.
    #[must_use]
    pub fn new(clock: Clock, connection: u16) -> Self {
        Self { clock, connection }
    }

    pub(super) fn received(&self, packet: Addp) {
        self.write(packet, "-<-");
    }

    pub(super) fn sent(&self, packet: Addp) {
        self.write(packet, "->-");
    }

    fn write(&self, packet: Addp, direction: &str) {
        let line = line(packet, direction, self.connection, self.clock.wall());
        tracing::info!(target: "peekd::addp", "{line}");
    }
}

/// The vendor shows when for everything but the packets that set a time-out.
fn line(packet: Addp, direction: &str, connection: u16, wall: Timestamp) -> String {
    let Addp { command, data } = packet;
    // Whatever a peer may send, a line stays a line.
    let letter = command.letter().escape_ascii();
    if matches!(command, AddpCommand::Init | AddpCommand::Reconfigure) {
        let timeout_ms = data & !TRACE_BIT;
        let trace = if data & TRACE_BIT == 0 { "" } else { ",trace" };
        return format!("-A{letter}[t/o:{timeout_ms}{trace}]{direction}{connection}");
    }
    let seconds = wall.0 / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    // Tenths of milliseconds, of which our clock knows none.
    let fraction = wall.0 % 1000 * 10;
    format!(
        "-A{letter}[{data}]{direction}{connection} @{hour:02}:{minute:02}:{second:02}.{fraction:04}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_as_the_vendor_writes_them() {
        // 2023-11-14, 15:37:30.454 UTC
        let wall = Timestamp(1_699_976_250_454);
        for (command, data, direction, connection, later_ms, expected) in [
            (
                AddpCommand::Poll,
                10,
                "-<-",
                2168,
                0,
                "-AP[10]-<-2168 @15:37:30.4540",
            ),
            (
                AddpCommand::PollAnswer,
                10,
                "->-",
                2168,
                2,
                "-Ap[10]->-2168 @15:37:30.4560",
            ),
            (
                AddpCommand::Init,
                TRACE_BIT + 2000,
                "->-",
                40282,
                0,
                "-AI[t/o:2000,trace]->-40282",
            ),
            (
                AddpCommand::Reconfigure,
                9000,
                "-<-",
                7,
                0,
                "-AR[t/o:9000]-<-7",
            ),
            (
                AddpCommand::InitAnswer,
                0,
                "-<-",
                0,
                30_229_553,
                "-Ai[0]-<-0 @00:01:20.0070",
            ),
            (
                AddpCommand::Other(b'\n'),
                1,
                "-<-",
                7,
                0,
                "-A\\n[1]-<-7 @15:37:30.4540",
            ),
        ] {
            let packet = Addp { command, data };
            let at = Timestamp(wall.0 + later_ms);
            assert_eq!(line(packet, direction, connection, at), expected);
        }
    }
}
