//! From the bytes of notifications to the cache, and to the queue of the store's writer.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use peekd::cache::Cache;
use peekd::ingest::Ingest;
use peekd::model::{Clock, NotificationMode, PasswordProof, Revision, Statistic, StatisticId};
use peekd::store::{Config, HistoryConfig, OnCorruption, open};
use peekd::upstream::{Batch, Manner, OpenSpec, Session, SessionConfig, Terms};
use peekd::wire::{Charset, Deframer, Event, EventKind, Message, Packet, Register, Request};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::made;
use crate::{Outcome, counted};

const STATISTICS: u32 = 10_000;
/// Notifications of one read from the socket: about 16 KiB.
const AT_ONCE: usize = 200;
/// Reads to get used to, and reads that are counted.
const FIRST: u32 = 50;
const READS: u32 = 200;
const FRAME_LEN_MAX: usize = 1 << 20;

pub(crate) type Fault = Box<dyn std::error::Error>;

/// A unit is a value.
pub(crate) fn notifications() -> Outcome {
    let mut line = Line::new(STATISTICS as usize)?;
    line.open_all()?;
    let mut draw = fastrand::Rng::with_seed(3);
    let mut read = |line: &Line, step: u32| {
        let mut bytes = BytesMut::new();
        for _ in 0..AT_ONCE {
            let Some((reference_id, statistic)) = draw.choice(&line.open) else {
                continue;
            };
            let mut draw = fastrand::Rng::with_seed(u64::from(step));
            let reading = made::reading(statistic, step, &mut draw);
            made::notify(&reading, *reference_id, step, &mut bytes);
        }
        bytes
    };
    let first: Vec<BytesMut> = (1..=FIRST).map(|step| read(&line, step)).collect();
    let reads = (FIRST + 1..=FIRST + READS).map(|step| read(&line, step));
    let reads: Vec<BytesMut> = reads.collect();
    let count = reads.len() * AT_ONCE;
    for read in first {
        line.take_in(read)?;
    }
    counted(|| {
        let mut reads = reads.into_iter();
        reads.try_for_each(|read| line.take_in(read))
    })?;
    Ok(count)
}

/// A session with a Stat Server, and what stands behind it.
pub(crate) struct Line {
    pub(crate) session: Session,
    pub(crate) cache: Arc<Cache>,
    pub(crate) now: Instant,
    deframer: Deframer,
    ingest: Ingest,
    /// What is open, by its number on the wire.
    open: Vec<(i32, Statistic)>,
    _folder: Folder,
}

impl Line {
    /// Registered, with room for so many statistics and none open.
    pub(crate) fn new(room: usize) -> Result<Self, Fault> {
        let folder = Folder::new();
        let config = Config {
            path: folder.0.clone(),
            // Not while somebody counts.
            flush_interval: Duration::from_hours(1),
            on_corruption: OnCorruption::Stop,
            journal_size_max: 1 << 30,
            history: HistoryConfig::default(),
        };
        let clock = Clock::system();
        let opened = open(&config, &clock)?;
        let start = Revision {
            generation: 1,
            counter: 0,
        };
        let cache = Cache::new(clock.clone(), 1, start, StatisticId(0), room);
        let cache = Arc::new(cache);
        let session = SessionConfig {
            register: Register::as_client("counts", 0),
            charset: Charset::UTF_8,
            addp: None,
            profile_refresh: Duration::from_hours(24),
            open_window: room,
            register_timeout: Duration::from_mins(10),
            try_next: false,
        };
        let mut line = Self {
            session: Session::new(session, opened.epochs),
            deframer: Deframer::new(FRAME_LEN_MAX),
            ingest: Ingest::new(cache.clone(), opened.writer, clock),
            cache,
            now: Instant::now(),
            open: Vec::new(),
            _folder: folder,
        };
        line.session.connected(None, line.now);
        line.hear(&Event::new(EventKind::Registered, 0, 0))?;
        Ok(line)
    }

    fn open_all(&mut self) -> Result<(), Fault> {
        let terms = terms();
        let statistics = made::statistics(STATISTICS);
        let mut specs = Vec::new();
        for statistic in &statistics {
            let slot = self.cache.pin(statistic).map_err(|_| "no room")?;
            specs.push(OpenSpec {
                id: slot.id,
                mode: NotificationMode::Immediate,
                statistic: slot.statistic.clone(),
                terms: terms.clone(),
            });
        }
        self.session.want(specs, self.now)?;
        let named = |statistic: Statistic| {
            let name = name(statistic.metric(), statistic.object_id());
            (name, statistic)
        };
        self.acknowledge(&statistics.into_iter().map(named).collect())
    }

    /// Says of everything that is asked for that it is open.
    fn acknowledge(&mut self, by_name: &HashMap<String, Statistic>) -> Result<(), Fault> {
        let mut deframer = Deframer::new(FRAME_LEN_MAX);
        loop {
            let mut said = self.session.output().split();
            if said.is_empty() {
                return Ok(());
            }
            for (reference_id, name) in asked_for(&mut deframer, &mut said)? {
                let statistic = by_name.get(&name).ok_or("an unknown statistic")?;
                self.open.push((reference_id, statistic.clone()));
                self.hear(&Event::new(EventKind::StatisticOpened, reference_id, 0))?;
            }
            self.session.wrote(self.now)?;
        }
    }

    fn hear(&mut self, event: &Event<'_>) -> Result<(), Fault> {
        let mut bytes = BytesMut::new();
        event.write(Charset::UTF_8, &mut bytes);
        self.take_in(bytes)
    }

    /// What a pair's task and then the ingest's do with what was read from a socket.
    pub(crate) fn take_in(&mut self, mut read: BytesMut) -> Result<(), Fault> {
        self.session.heard(self.now);
        while let Some(packet) = self.deframer.next(&mut read)? {
            self.session.received(&packet, self.now)?;
        }
        self.ingest.take_in(Batch {
            server: made::SERVER,
            name: "StatServer".into(),
            events: self.session.take_events(),
        });
        Ok(())
    }
}

/// Nothing special.
pub(crate) fn terms() -> Arc<Terms> {
    Arc::new(Terms {
        password: SecretString::default(),
        proof: PasswordProof::NONE,
        manner: Arc::new(Manner::default()),
    })
}

/// A place for the store, removed afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("peekd-counts-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            crate::report(&format!("{}: {error}", self.0.display()));
        }
    }
}

/// The statistics that are asked for to be opened: the number and the name of each, as [`name`] makes it.
pub(crate) fn asked_for(
    deframer: &mut Deframer,
    said: &mut BytesMut,
) -> Result<Vec<(i32, String)>, Fault> {
    let mut asked = Vec::new();
    while let Some(packet) = deframer.next(said)? {
        let Packet::Body(body) = packet else { continue };
        if let Message::Request(Request::Open {
            reference_id,
            object,
            metric,
            ..
        }) = Message::decode(&body, Charset::UTF_8)?
        {
            asked.push((reference_id, name(&metric, &object.object_id)));
        }
    }
    Ok(asked)
}

/// What a statistic is found by here.
pub(crate) fn name(metric: &str, object_id: &str) -> String {
    format!("{metric};{object_id}")
}
