//! The store as a whole: a backup, a check, and the past of many statistics at once. Each is made on
//! a thread of its own, no faster than it is taken, and ends when nobody takes it any more.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::park_timeout;
use std::time::Duration;

use tokio::sync::mpsc::{Sender, error::TrySendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::past::{Hole, PastPoint, Unreadable, hole};
use super::{Board, Selector};
use crate::model::{Statistic, StatisticId, Timestamp};
use crate::store::{self, ContentRef, PastSample, Range, Verified, Writer};

/// Bytes given at once.
const BLOCK_LEN: usize = 64 * 1024;
/// A check tells how far it is at most so often.
const NEWS_INTERVAL: Duration = Duration::from_millis(500);
/// A check rests so long after some thousand rows: whoever asks for values needs the processor, too.
const REST: Duration = Duration::from_millis(1);
/// Reads of many statistics' past at a time.
const READERS: usize = 2;

/// How many of each go on at a time.
#[derive(Debug)]
pub(super) struct Turns {
    backup: Arc<Semaphore>,
    check: Arc<Semaphore>,
    past: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        let turns = |count| Arc::new(Semaphore::new(count));
        Self {
            backup: turns(1),
            check: turns(1),
            past: turns(READERS),
        }
    }
}

/// As many as may go on at a time do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken;

/// Made by a thread of its own.
pub type Making = JoinHandle<Result<(), Unreadable>>;

/// How a check is going.
#[derive(Debug, Clone)]
pub enum Checked {
    /// So many of so many changes in history were read.
    SoFar(u64, u64),
    /// Everything was.
    All(Box<Verified>),
}

/// What is told of one statistic's past.
pub enum Told {
    /// A change.
    Change(PastPoint),
    /// A stretch of time of which nothing is known.
    Gap(Hole),
}

/// Turns what is told of a statistic into bytes.
pub type WriteTold = dyn Fn(&Statistic, Told, &mut Vec<u8>) + Send;

impl Board {
    /// Writes the whole store as a backup into `blocks`.
    ///
    /// # Errors
    /// Another backup goes on.
    pub fn backup(&self, blocks: Sender<Vec<u8>>) -> Result<Making, Taken> {
        let (turn, writer) = self.turn(&self.turns.backup)?;
        Ok(spawn_blocking(move || {
            let mut out = Blocks::of(blocks);
            let made = store::backup_running(&writer?, &mut out, &mut |_| {});
            drop(turn);
            finish(made, &out.taker)
        }))
    }

    /// Reads the whole store and tells `news` how that is going, and what is damaged.
    ///
    /// # Errors
    /// Another check goes on.
    pub fn check(&self, news: Sender<Checked>) -> Result<Making, Taken> {
        let (turn, writer) = self.turn(&self.turns.check)?;
        Ok(spawn_blocking(move || {
            let mut told: Option<Instant> = None;
            let made = store::verify_running(&writer?, &mut |done, total| {
                if total > 0 {
                    park_timeout(REST);
                }
                if told.is_some_and(|told| told.elapsed() < NEWS_INTERVAL) {
                    return ControlFlow::Continue(());
                }
                told = Some(Instant::now());
                // A slow reader is told the next time.
                match news.try_send(Checked::SoFar(done, total)) {
                    Err(TrySendError::Closed(_)) => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            });
            drop(turn);
            let made = made.map(|verified| {
                let all = Checked::All(Box::new(verified));
                // Nobody waits for it any more, perhaps.
                news.blocking_send(all).unwrap_or_default();
            });
            finish(made, &news)
        }))
    }

    /// Writes the changes of all chosen statistics in a range into `blocks`, by ascending number and
    /// then in the order of arrival.
    ///
    /// # Errors
    /// As many of these go on as may.
    pub fn changes_of_all(
        &self,
        range: Range,
        selector: &Selector,
        write: Box<WriteTold>,
        blocks: Sender<Vec<u8>>,
    ) -> Result<Making, Taken> {
        let (turn, _) = self.turn(&self.turns.past)?;
        let (chosen, names) = (self.everything(selector), self.names());
        let history = self.stored.history.clone();
        Ok(spawn_blocking(move || {
            let mut out = Blocks::of(blocks);
            let mut fault = None;
            let scanned = history.scan(range, &|id| chosen.contains_key(&id), &mut |id, sample| {
                let Some(statistic) = chosen.get(&id) else {
                    return ControlFlow::Continue(());
                };
                match point(sample, &names) {
                    Ok(point) => write(statistic, Told::Change(point), &mut out.block),
                    // What it was before holds on; the gaps tell the rest.
                    Err(damage) => fault = Some(damage),
                }
                out.pass_on_if_full()
            });
            drop(turn);
            for damage in scanned.iter().flatten().chain(&fault) {
                tracing::warn!(%damage, "a part of the history cannot be read");
            }
            finish(scanned.map(|_| out.pass_on()), &out.taker)
        }))
    }

    /// Writes when nothing was known of each chosen statistic in a range into `blocks`.
    ///
    /// # Errors
    /// As many of these go on as may.
    pub fn gaps_of_all(
        &self,
        range: Range,
        selector: &Selector,
        write: Box<WriteTold>,
        blocks: Sender<Vec<u8>>,
    ) -> Result<Making, Taken> {
        let (turn, _) = self.turn(&self.turns.past)?;
        let mut chosen: Vec<_> = self.everything(selector).into_iter().collect();
        chosen.sort_unstable_by_key(|(id, _)| *id);
        let history = self.stored.history.clone();
        Ok(spawn_blocking(move || {
            let mut out = Blocks::of(blocks);
            let mut made = Ok(());
            for (id, statistic) in chosen {
                match history.past(id, range) {
                    Ok(past) => {
                        for gap in &past.gaps {
                            write(&statistic, Told::Gap(hole(gap)), &mut out.block);
                        }
                    }
                    Err(error) => made = Err(error),
                }
                if made.is_err() || out.pass_on_if_full().is_break() {
                    break;
                }
            }
            drop(turn);
            finish(made.map(|()| out.pass_on()), &out.taker)
        }))
    }

    fn turn(
        &self,
        turns: &Arc<Semaphore>,
    ) -> Result<(OwnedSemaphorePermit, Result<Writer, Unreadable>), Taken> {
        let turn = turns.clone().try_acquire_owned().map_err(|_| Taken)?;
        Ok((turn, self.stored.writer.clone().ok_or(Unreadable)))
    }

    fn everything(&self, selector: &Selector) -> HashMap<StatisticId, Arc<Statistic>> {
        let numbers = self.numbers(StatisticId(0), selector).into_iter();
        let views = numbers.filter_map(|id| Some((id, self.at(id, selector)?.statistic)));
        views.collect()
    }
}

type Names = HashMap<crate::model::ServerId, Arc<str>>;

fn point(sample: &PastSample<ContentRef<'_>>, names: &Names) -> Result<PastPoint, String> {
    Ok(PastPoint {
        at: sample.at,
        value: sample.value.value().map_err(|error| error.to_string())?,
        quality: sample.quality,
        server: names.get(&sample.server).cloned(),
        epoch: sample.epoch,
    })
}

/// The outcome; that nobody took it is none to tell of.
fn finish<T, E>(made: Result<T, E>, taker: &Sender<impl Sized>) -> Result<(), Unreadable>
where
    E: std::fmt::Display,
{
    let Err(error) = made else {
        return Ok(());
    };
    if !taker.is_closed() {
        tracing::warn!(%error, "the store cannot be read as a whole");
    }
    Err(Unreadable)
}

/// Collects bytes into blocks, and waits until each is taken.
struct Blocks {
    taker: Sender<Vec<u8>>,
    block: Vec<u8>,
}

impl Blocks {
    fn of(taker: Sender<Vec<u8>>) -> Self {
        let block = Vec::with_capacity(BLOCK_LEN);
        Self { taker, block }
    }

    fn pass_on_if_full(&mut self) -> ControlFlow<()> {
        if self.block.len() < BLOCK_LEN {
            return ControlFlow::Continue(());
        }
        self.pass_on()
    }

    /// Breaks when nobody takes any more.
    fn pass_on(&mut self) -> ControlFlow<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_LEN));
        if block.is_empty() {
            return ControlFlow::Continue(());
        }
        match self.taker.blocking_send(block) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.block.extend_from_slice(bytes);
        match self.pass_on_if_full() {
            ControlFlow::Continue(()) => Ok(bytes.len()),
            ControlFlow::Break(()) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.pass_on() {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// From an instant, up to and without another; `None` for no end.
#[must_use]
pub fn range(from: Timestamp, to: Option<Timestamp>) -> Range {
    Range {
        from,
        to: to.unwrap_or(Range::ALL.to),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::cache::Cache;
    use crate::model::{Clock, Revision};
    use crate::peek::Stored;
    use crate::store::{Config, HistoryConfig, OnCorruption, open, restore};
    use crate::upstream::{Plan, Roster, Upstream};

    fn board(path: &std::path::Path) -> (Board, Writer) {
        let config = Config {
            path: path.to_owned(),
            flush_interval: Duration::from_millis(2),
            on_corruption: OnCorruption::Stop,
            journal_size_max: 1 << 20,
            history: HistoryConfig::default(),
        };
        let opened = open(&config, &Clock::system()).unwrap();
        let clock = Clock::system();
        let cache = Cache::new(clock.clone(), 1, Revision::default(), StatisticId(0), 9);
        let upstream = Upstream::new(Roster::new(), Plan::default());
        let stored = Stored {
            history: opened.history,
            writer: Some(opened.writer.clone()),
            ..Stored::none()
        };
        let board = Board::new(clock, Arc::new(cache), Arc::new(upstream), stored);
        (board, opened.writer)
    }

    /// A backup; tried again while history is being opened.
    async fn backup(board: &Board) -> Vec<u8> {
        loop {
            let (blocks, mut made) = mpsc::channel(1);
            let making = board.backup(blocks).unwrap();
            let mut file = Vec::new();
            while let Some(block) = made.recv().await {
                file.extend(block);
            }
            if making.await.unwrap().is_ok() {
                return file;
            }
        }
    }

    #[tokio::test]
    async fn one_is_made_at_a_time_and_ends_when_nobody_takes_it() {
        let dir = tempfile::tempdir().unwrap();
        let (board, writer) = board(&dir.path().join("store"));
        let file = backup(&board).await;
        restore(&mut &*file, &dir.path().join("other"), &mut |_| {}).unwrap();

        let (blocks, made) = mpsc::channel(1);
        // There is no room: the first block waits.
        blocks.try_send(Vec::new()).unwrap();
        let making = board.backup(blocks).unwrap();
        let (other, _) = mpsc::channel(1);
        assert_eq!(board.backup(other).unwrap_err(), Taken);
        // What nobody takes holds up nobody.
        writer.flush().await.unwrap();
        drop(made);
        assert_eq!(making.await.unwrap(), Err(Unreadable));
        backup(&board).await;
        writer.close().unwrap();
        let (blocks, _made) = mpsc::channel(1);
        let closed = board.backup(blocks).unwrap();
        assert_eq!(closed.await.unwrap(), Err(Unreadable));
    }

    #[tokio::test]
    async fn a_check_tells_at_last_what_it_found() {
        let dir = tempfile::tempdir().unwrap();
        let (board, writer) = board(&dir.path().join("store"));
        backup(&board).await;
        let (news, mut told) = mpsc::channel(1);
        let making = board.check(news).unwrap();
        let mut last = None;
        while let Some(checked) = told.recv().await {
            last = Some(checked);
        }
        assert_eq!(making.await.unwrap(), Ok(()));
        let Some(Checked::All(verified)) = last else {
            panic!("{last:?}");
        };
        assert_eq!(verified.damaged, Vec::<String>::new());
        // The start of the service is on record.
        assert_eq!(verified.journal_entries, 1);
        writer.close().unwrap();
    }
}
