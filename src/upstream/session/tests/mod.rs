//! The session against scripted servers. A script is a list of rows: what happens, and what the
//! session then says, tells and answers, joined with `; `.
//!
//! Statistics are named `q1`, `q2`; those named `n1` do not notify, those named `g1` are not kept
//! open, and those named `x1` are spelled out. The four profile requests after a registration take
//! the numbers 1 to 4, so the first open is number 5. A doubtful value reads `1?`.

mod closing;
mod fetching;
mod getting;
mod handing_over;
mod losing;
mod opening;
mod passive;
mod registering;
mod standing;
mod stream;
mod table;
mod upgrading;

use std::sync::{Arc, Mutex};

use bytes::BytesMut;

use super::super::event::Outcome;
use super::super::plan::{Manner, SpelledOut};
use super::super::subscription::OpenSpec;
use super::super::terms::Terms;
use super::*;
use crate::model::{NotificationMode, ProofKey, Quality, Value};
use crate::wire::{self, Deframer, EventKind, Kv, KvValue, Message};

struct Bench {
    session: Session,
    now: Instant,
    deframer: Deframer,
    proofs: ProofKey,
    told: Arc<Mutex<Vec<String>>>,
    /// Handed over, to be kept after all or dropped.
    handed: Vec<HandedOver>,
}

/// Runs a script on a session that is connected and registered.
fn check(rows: &[(&str, &str)]) {
    Bench::registered(1000).follow(rows);
}

impl Bench {
    fn new(open_window: usize) -> Self {
        let config = SessionConfig {
            try_next: false,
            register: Register::as_client("test", 0),
            charset: Charset::UTF_8,
            addp: None,
            profile_refresh: Duration::from_hours(24),
            open_window,
            register_timeout: Duration::from_secs(3),
        };
        let epochs = Arc::new(EpochCounter::starting_at(Epoch(10)));
        Self {
            session: Session::new(config, epochs),
            now: Instant::now(),
            deframer: Deframer::new(1 << 20),
            proofs: ProofKey::random().unwrap(),
            told: Arc::default(),
            handed: Vec::new(),
        }
    }

    /// As [`Bench::registered`], where what is refused is tried elsewhere.
    fn generous() -> Self {
        let mut bench = Self::new(1000);
        bench.session.config.try_next = true;
        bench.register();
        bench
    }

    fn registered(open_window: usize) -> Self {
        let mut bench = Self::new(open_window);
        bench.register();
        bench
    }

    fn register(&mut self) {
        self.follow(&[
            ("connect", "register"),
            (
                "registered 0",
                "profile#1; profile#2; profile#3; profile#4; up",
            ),
        ]);
    }

    fn follow(&mut self, rows: &[(&str, &str)]) {
        for (at, (action, expected)) in rows.iter().enumerate() {
            assert_eq!(self.act(action), *expected, "row {at}: {action}");
        }
    }

    /// Does what the words say; answers everything that came of it.
    fn act(&mut self, action: &str) -> String {
        let words: Vec<&str> = action.split_whitespace().collect();
        let outcome = self.obey(&words);
        let mut all = self.said();
        all.extend(self.events());
        for handed in self.session.take_handed_over() {
            all.push(format!("handed over {}", name_of(handed.spec.id)));
            self.handed.push(handed);
        }
        all.append(&mut self.told.lock().unwrap());
        all.extend(outcome.err().map(|failure| format!("failed: {failure}")));
        all.join("; ")
    }

    fn obey(&mut self, words: &[&str]) -> Result<(), Failure> {
        let now = self.now;
        match *words {
            ["connect"] => self.session.connected(None, now),
            ["disconnect"] => self.session.disconnected(),
            ["end"] => self.session.close_all(now)?,
            ["wait", span] => {
                self.now += humantime::parse_duration(span).unwrap();
                self.session.tick(self.now)?;
            }
            ["want", ref names @ ..] => {
                let specs = names.iter().map(|name| self.spec(name, "")).collect();
                self.session.want(specs, now)?;
            }
            ["fetch", name, ticket, ref password @ ..] => {
                let spec = self.spec(name, password.first().unwrap_or(&""));
                let ticket = self.ticket(ticket);
                self.session.fetch(spec, ticket, now)?;
            }
            // As `want`, in the mode that tells most.
            ["upgrade", name] => {
                let mut spec = self.spec(name, "");
                spec.mode = NotificationMode::Immediate;
                self.session.want(vec![spec], now)?;
            }
            ["passive"] => self.session.set_passive(true),
            ["activate"] => self.session.activate(now)?,
            ["move"] => {
                self.session.move_away(|_| true, now)?;
            }
            ["take", name, ref ticket @ ..] => {
                let handed = HandedOver {
                    spec: self.spec(name, ""),
                    tickets: ticket.iter().map(|name| self.ticket(name)).collect(),
                    accepted: ticket.is_empty(),
                    round: None,
                };
                self.session.take_over(vec![handed], now)?;
            }
            // Nobody else takes what was handed over.
            ["keep"] => {
                for handed in std::mem::take(&mut self.handed) {
                    self.session.keep(handed, now);
                }
            }
            ["close", ref names @ ..] => {
                let ids: Vec<StatisticId> = names.iter().map(|name| id_of(name)).collect();
                self.session.close(&ids, now)?;
            }
            [kind, ref rest @ ..] => return self.hear(&event(kind, rest)),
            [] => {}
        }
        Ok(())
    }

    fn hear(&mut self, event: &wire::Event<'_>) -> Result<(), Failure> {
        let mut bytes = BytesMut::new();
        event.write(Charset::UTF_8, &mut bytes);
        self.hear_bytes(&mut bytes)
    }

    fn hear_bytes(&mut self, bytes: &mut BytesMut) -> Result<(), Failure> {
        self.session.heard(self.now);
        while let Some(packet) = self.deframer.next(bytes)? {
            self.session.received(&packet, self.now)?;
        }
        Ok(())
    }

    fn spec(&self, name: &str, password: &str) -> OpenSpec {
        let password = password.to_owned().into();
        let text = format!("Calls;Queue;{name}@switch;Environment");
        OpenSpec {
            id: id_of(name),
            statistic: Arc::new(text.parse().unwrap()),
            mode: if name.starts_with('n') {
                NotificationMode::NoNotification
            } else {
                NotificationMode::Immediate
            },
            terms: Arc::new(Terms {
                proof: self.proofs.prove(&password),
                password,
                manner: Arc::new(Manner {
                    keep_open: !name.starts_with('g'),
                    spelled_out: name.starts_with('x').then(|| SpelledOut {
                        definition: wire::Definition::default(),
                        server: "main".into(),
                    }),
                    ..Manner::default()
                }),
            }),
        }
    }

    fn ticket(&self, name: &str) -> Ticket {
        let (name, told) = (name.to_owned(), self.told.clone());
        Ticket::new(move |outcome| {
            let outcome = match outcome {
                Outcome::Value(value) => format!("{name}={}", text_of(&value)),
                Outcome::Refused(text) => format!("{name} refused {text}"),
                Outcome::Lost => format!("{name} lost"),
            };
            told.lock().unwrap().push(outcome);
        })
    }

    /// The requests in the output, which is emptied as a socket would.
    fn said(&mut self) -> Vec<String> {
        let mut bytes = self.session.output().split();
        let mut deframer = Deframer::new(1 << 20);
        let mut said = Vec::new();
        while let Some(packet) = deframer.next(&mut bytes).unwrap() {
            said.push(match packet {
                Packet::Addp(packet) => format!("addp {}", packet.command.letter() as char),
                Packet::Body(body) => match Message::decode(&body, Charset::UTF_8).unwrap() {
                    Message::Request(request) => words_of(&request),
                    other => panic!("not a request: {other:?}"),
                },
            });
        }
        said
    }

    /// The events, with their tickets completed as the ingest would.
    fn events(&mut self) -> Vec<String> {
        let events = self.session.take_events();
        events.into_iter().map(told_of).collect()
    }

    fn references(&self) -> usize {
        let connection = self.session.connection.as_ref();
        connection.map_or(0, |connection| connection.references.len())
    }
}

fn id_of(name: &str) -> StatisticId {
    let number: u32 = name[1..].parse().unwrap();
    let kind = KINDS.find(&name[..1]).unwrap();
    StatisticId(u32::try_from(kind).unwrap() * 1_000_000 + number)
}

fn name_of(id: StatisticId) -> String {
    let kind = usize::try_from(id.0 / 1_000_000).unwrap();
    format!("{}{}", &KINDS[kind..=kind], id.0 % 1_000_000)
}

/// The first letters of the statistics' names.
const KINDS: &str = "qngx";

fn text_of(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// `kind number [integer] [text]`, as far as the kind has them.
fn event<'a>(kind: &str, rest: &[&'a str]) -> wire::Event<'a> {
    let kinds = [
        ("registered", EventKind::Registered),
        ("error", EventKind::Error),
        ("value", EventKind::Info),
        ("opened", EventKind::StatisticOpened),
        ("closed", EventKind::StatisticClosed),
        ("valid", EventKind::StatisticValid),
        ("invalid", EventKind::StatisticInvalid),
        ("profile", EventKind::StatisticProfile),
        ("mode", EventKind::ServerMode),
        ("target", EventKind::TargetState(17)),
    ];
    let found = kinds.iter().find(|(name, _)| *name == kind);
    let (_, kind) = *found.unwrap_or_else(|| panic!("no event is called {kind}"));
    let reference_id = rest.first().map_or(0, |text| text.parse().unwrap());
    let mut event = wire::Event::new(kind, reference_id, 1_700_000_000);
    let operand = rest.get(1).copied();
    event.int_value = operand.and_then(|text| text.parse().ok()).unwrap_or(0);
    match kind {
        EventKind::Error | EventKind::Info => event.text = operand.map(Into::into),
        EventKind::StatisticProfile => {
            let names = operand.map(|names| names.split(','));
            let pair = |name: &str| (name.to_owned(), KvValue::Text(String::new()));
            event.profile = names.map(|names| Kv(names.map(pair).collect()));
        }
        _ => {}
    }
    event
}

fn words_of(request: &Request<'_>) -> String {
    let name = |object: &wire::Object<'_>| object.object_id.replace("@switch", "");
    match request {
        Request::Register(_) => "register".to_owned(),
        Request::Profile { reference_id, .. } => format!("profile#{reference_id}"),
        Request::Open {
            reference_id,
            object,
            ..
        } => format!("open#{reference_id} {}", name(object)),
        Request::Get {
            reference_id,
            object,
            ..
        } => format!("get#{reference_id} {}", name(object)),
        Request::OpenEx {
            reference_id,
            object,
            ..
        } => format!("open-ex#{reference_id} {}", name(object)),
        Request::Suspend { statistic, .. } => format!("suspend {statistic}"),
        Request::Resume { statistic, .. } => format!("resume {statistic}"),
        Request::Peek {
            reference_id,
            statistic,
        } => format!("peek#{reference_id} of {statistic}"),
        Request::Close {
            reference_id,
            statistic,
        } => format!("close#{reference_id} of {statistic}"),
        Request::GetEx {
            reference_id,
            object,
            ..
        } => format!("get-ex#{reference_id} {}", name(object)),
    }
}

fn told_of(event: Event) -> String {
    match event {
        Event::Opened { id, .. } => format!("opened {}", name_of(id)),
        Event::Accepted { id, .. } => format!("accepted {}", name_of(id)),
        Event::Value {
            id,
            epoch,
            value,
            quality,
            tickets,
            ..
        } => {
            let doubt = if quality == Quality::Good { "" } else { "?" };
            for ticket in tickets {
                ticket.complete(Outcome::Value(value.clone()));
            }
            let value = text_of(&value);
            format!("{}={value}{doubt} in {}", name_of(id), epoch.0)
        }
        Event::Refused {
            id, text, tickets, ..
        } => {
            for ticket in tickets {
                ticket.complete(Outcome::Refused(text.clone()));
            }
            format!("refused {}", name_of(id))
        }
        Event::Validity { id, valid: true } => format!("valid {}", name_of(id)),
        Event::Validity { id, valid: false } => format!("invalid {}", name_of(id)),
        Event::Closed { id } => format!("closed {}", name_of(id)),
        Event::LinkUp => "up".to_owned(),
        Event::LinkDown { .. } => "down".to_owned(),
        Event::StatTypes { names } => format!("types {}", names.join(",")),
    }
}
