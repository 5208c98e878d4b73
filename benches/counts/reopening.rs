//! From a list of what was open to a Stat Server that has it open, and says its first values.

use std::collections::HashMap;

use bytes::BytesMut;
use peekd::cache::Restored;
use peekd::model::{NotificationMode, PasswordProof, Statistic, StatisticId};
use peekd::upstream::OpenSpec;
use peekd::wire::{Charset, Deframer, Event, EventKind};

use crate::made;
use crate::notifications::{Fault, Line, asked_for, name, terms};
use crate::{Outcome, counted};

const STATISTICS: u32 = 10_000;
const FRAME_LEN_MAX: usize = 1 << 20;

/// A unit is a statistic.
pub(crate) fn reopening() -> Outcome {
    let statistics = made::statistics(STATISTICS);
    let mut line = Line::new(STATISTICS as usize)?;
    let terms = terms();
    let (mut known, mut specs) = (Vec::new(), Vec::new());
    for (id, statistic) in (0..).map(StatisticId).zip(&statistics) {
        let value = made::reading(statistic, 0, &mut draw()).to_value(made::COMPAT);
        let statistic = std::sync::Arc::new(statistic.clone());
        known.push(Restored {
            id,
            statistic: statistic.clone(),
            last: Some(made::sample(made::BEGIN, value)),
            held: Some(NotificationMode::Immediate),
            proof: Some(PasswordProof::NONE),
        });
        specs.push(OpenSpec {
            id,
            mode: NotificationMode::Immediate,
            statistic,
            terms: terms.clone(),
        });
    }
    line.cache.restore(&mut known);
    let mut server = Server::new(&statistics);
    let now = line.now;
    counted(|| line.session.want(specs, now))?;
    loop {
        let said = line.session.output().split();
        if said.is_empty() {
            break;
        }
        let answers = server.answer(said)?;
        counted(|| -> Result<(), Fault> {
            line.take_in(answers)?;
            Ok(line.session.wrote(now)?)
        })?;
    }
    if line.session.acknowledged_count() != statistics.len() {
        return Err("not all of it is open".into());
    }
    Ok(statistics.len())
}

fn draw() -> fastrand::Rng {
    fastrand::Rng::with_seed(4)
}

/// What answers the session.
struct Server<'a> {
    deframer: Deframer,
    by_name: HashMap<String, &'a Statistic>,
}

impl<'a> Server<'a> {
    fn new(statistics: &'a [Statistic]) -> Self {
        let named = |statistic: &'a Statistic| {
            let name = name(statistic.metric(), statistic.object_id());
            (name, statistic)
        };
        Self {
            deframer: Deframer::new(FRAME_LEN_MAX),
            by_name: statistics.iter().map(named).collect(),
        }
    }

    /// Opens all that is asked for, and says half of it as it was before.
    fn answer(&mut self, mut asked: BytesMut) -> Result<BytesMut, Fault> {
        let mut answers = BytesMut::new();
        for (reference_id, name) in asked_for(&mut self.deframer, &mut asked)? {
            let statistic = self.by_name.get(&name);
            let statistic = statistic.ok_or("an unknown statistic")?;
            let opened = Event::new(EventKind::StatisticOpened, reference_id, 0);
            opened.write(Charset::UTF_8, &mut answers);
            let step = u32::from(reference_id % 2 == 0);
            let reading = made::reading(statistic, step, &mut draw());
            made::notify(&reading, reference_id, step, &mut answers);
        }
        Ok(answers)
    }
}
