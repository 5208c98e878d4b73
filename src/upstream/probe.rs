//! One conversation with a Stat Server for a person to look at: what it says of itself, what it
//! defines, and every attribute it sent. Settles on a real server what is only inferred here.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::{BoxStream, Connector};
use crate::wire::{
    Addp, AddpCommand, Charset, Deframer, Event, EventKind, Message, Packet, ProfileKind,
    RawMessage, Register, Request, ServerMode,
};

/// What is asked with ADDP: polls from the server after this much silence.
const REMOTE_TIMEOUT_MS: u32 = 10_000;
/// After the last expected answer, so long is listened for what else comes.
const LINGER: Duration = Duration::from_millis(300);
const BODY_LEN_MAX: usize = 64 * 1024 * 1024;

/// How to probe.
#[derive(Debug, Clone)]
pub struct ProbeConfig {
    /// What registration says.
    pub register: Register,
    /// The connection's character set.
    pub charset: Charset,
    /// How long the whole conversation may take.
    pub patience: Duration,
}

/// What a Stat Server said.
#[derive(Debug, Clone, Default)]
pub struct ProbeReport {
    /// How long the connection took to be made.
    pub connected_in: Duration,
    /// The version text of its registration answer.
    pub version: Option<String>,
    /// The integer of its registration answer, on which a few shapes of states depend.
    pub compat: Option<i64>,
    /// Its mode, if it said one.
    pub mode: Option<ServerMode>,
    /// Its lists: name and definition text.
    pub profiles: Vec<(ProfileKind, Vec<(String, String)>)>,
    /// The data of its answer to our heartbeat init.
    pub addp_init_answer: Option<u32>,
    /// How long it took to answer a heartbeat poll.
    pub addp_round_trip: Option<Duration>,
    /// Every message it sent, taken apart.
    pub messages: Vec<RawMessage>,
    /// Why the conversation ended early, if it did.
    pub failure: Option<String>,
}

/// Converses with the Stat Server at `address`. What was learnt until a failure is in the report.
pub async fn probe(connector: &dyn Connector, address: &str, config: &ProbeConfig) -> ProbeReport {
    let mut report = ProbeReport::default();
    let start = Instant::now();
    let stream = match timeout(config.patience, connector.connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            report.failure = Some(format!("cannot connect to {address}: {error}"));
            return report;
        }
        Err(_) => {
            report.failure = Some(format!("no connection to {address} in time"));
            return report;
        }
    };
    report.connected_in = start.elapsed();
    let mut talk = Talk {
        stream,
        inbox: BytesMut::new(),
        deframer: Deframer::new(BODY_LEN_MAX),
        config,
        report,
        polled: None,
    };
    if let Err(failure) = talk.converse(start + config.patience).await {
        talk.report.failure = Some(failure);
    }
    // The report is complete; how the other side takes the goodbye is no matter.
    talk.stream.shutdown().await.unwrap_or_default();
    talk.report
}

struct Talk<'a> {
    stream: BoxStream,
    inbox: BytesMut,
    deframer: Deframer,
    config: &'a ProbeConfig,
    report: ProbeReport,
    polled: Option<Instant>,
}

impl Talk<'_> {
    async fn converse(&mut self, deadline: Instant) -> Result<(), String> {
        let mut out = BytesMut::new();
        let init = Addp {
            command: AddpCommand::Init,
            data: REMOTE_TIMEOUT_MS,
        };
        out.extend_from_slice(&init.encode());
        Request::Register(self.config.register.clone()).write(self.config.charset, &mut out);
        self.send(&out).await?;
        while self.report.compat.is_none() {
            self.hear(deadline, "an answer to the registration").await?;
        }

        out.clear();
        for (reference_id, kind) in (1..).zip(ProfileKind::ALL) {
            let request = Request::Profile {
                reference_id,
                tag: None,
                kind,
            };
            request.write(self.config.charset, &mut out);
        }
        out.extend_from_slice(
            &Addp {
                command: AddpCommand::Poll,
                data: 0,
            }
            .encode(),
        );
        self.polled = Some(Instant::now());
        self.send(&out).await?;
        while self.report.profiles.len() < ProfileKind::ALL.len()
            || self.report.addp_round_trip.is_none()
        {
            self.hear(deadline, "all lists and an answer to the heartbeat poll")
                .await?;
        }
        // What else a server says unasked, its mode for example.
        let until = Instant::now() + LINGER;
        while self.hear(until, "").await.is_ok() {}
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream
            .write_all(bytes)
            .await
            .map_err(|error| format!("cannot write: {error}"))
    }

    /// Reads once and takes in what is complete.
    async fn hear(&mut self, deadline: Instant, awaited: &str) -> Result<(), String> {
        let read = timeout_at(deadline, self.stream.read_buf(&mut self.inbox)).await;
        match read {
            Err(_) => return Err(format!("the server did not send {awaited} in time")),
            Ok(Err(error)) => return Err(format!("the connection broke: {error}")),
            Ok(Ok(0)) => return Err("the server closed the connection".to_owned()),
            Ok(Ok(_)) => {}
        }
        loop {
            match self.deframer.next(&mut self.inbox) {
                Ok(None) => return Ok(()),
                Ok(Some(Packet::Addp(packet))) => self.heartbeat(packet).await?,
                Ok(Some(Packet::Body(body))) => self.message(&body)?,
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    async fn heartbeat(&mut self, packet: Addp) -> Result<(), String> {
        match packet.command {
            AddpCommand::InitAnswer => self.report.addp_init_answer = Some(packet.data),
            AddpCommand::PollAnswer => {
                self.report.addp_round_trip = self.polled.map(|polled| polled.elapsed());
            }
            AddpCommand::Poll => {
                let answer = Addp {
                    command: AddpCommand::PollAnswer,
                    data: packet.data,
                };
                self.send(&answer.encode()).await?;
            }
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, body: &[u8]) -> Result<(), String> {
        self.report
            .messages
            .push(RawMessage::read(body, self.config.charset));
        match Message::decode(body, self.config.charset) {
            Ok(Message::Event(event)) => self.event(event),
            Ok(Message::Request(_) | Message::Unknown(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        let text = event.text.as_deref().map(str::to_owned);
        match event.kind {
            EventKind::Registered => {
                self.report.compat = Some(event.int_value);
                self.report.version = text;
            }
            EventKind::Error if self.report.compat.is_none() => {
                let text = text.unwrap_or_default();
                return Err(format!(
                    "the server refused: {text} (code {})",
                    event.int_value
                ));
            }
            EventKind::ServerMode => {
                self.report.mode = Some(ServerMode::from_code(event.int_value));
            }
            EventKind::StatisticProfile => self.profile(event),
            // A list that is refused counts as heard; its text is among the messages.
            EventKind::Error => {
                let at = usize::try_from(event.reference_id.saturating_sub(1)).ok();
                if let Some(kind) = at.and_then(|at| ProfileKind::ALL.get(at)) {
                    self.report.profiles.push((*kind, Vec::new()));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn profile(&mut self, event: Event<'_>) {
        let Some(kind) = ProfileKind::from_code(event.int_value) else {
            return;
        };
        let list = event.profile.unwrap_or_default();
        let names: Vec<String> = list.0.iter().map(|(name, _)| name.clone()).collect();
        let entry = |name: String| {
            let definition = list.text(&name).unwrap_or_default().to_owned();
            (name, definition)
        };
        self.report
            .profiles
            .push((kind, names.into_iter().map(entry).collect()));
    }
}
