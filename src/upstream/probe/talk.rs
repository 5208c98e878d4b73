//! The probe's side of the conversation: asks one thing after the other and notes what comes.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::report::{Announcement, Heard, ProbeReport, ProfileList};
use super::{ProbeConfig, trial};
use crate::upstream::connection::BoxStream;
use crate::wire::{
    Addp, AddpCommand, Deframer, Event, EventKind, Message, Packet, ProfileKind, RawMessage,
    Request,
};

/// What is asked with ADDP: polls from the server after this much silence.
const REMOTE_TIMEOUT_MS: u32 = 10_000;
/// One poll may be unlucky.
const POLLS: u32 = 5;
const BODY_LEN_MAX: usize = 64 * 1024 * 1024;

/// A connection and what was learnt on it.
pub(super) struct Talk<'a> {
    pub(super) config: &'a ProbeConfig,
    pub(super) report: ProbeReport,
    pub(super) trial: trial::Progress,
    stream: BoxStream,
    inbox: BytesMut,
    deframer: Deframer,
    connected: Instant,
    asked: Instant,
    polled: Option<Instant>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(stream: BoxStream, config: &'a ProbeConfig, report: ProbeReport) -> Self {
        let now = Instant::now();
        Self {
            config,
            report,
            trial: trial::Progress::default(),
            stream,
            inbox: BytesMut::new(),
            deframer: Deframer::new(BODY_LEN_MAX),
            connected: now,
            asked: now,
            polled: None,
        }
    }

    /// Everything there is to ask, in turn.
    pub(super) async fn converse(&mut self) -> Result<(), String> {
        self.register().await?;
        self.ask_for_lists().await?;
        self.measure_heartbeats().await?;
        if let Some(statistic) = &self.config.open {
            self.try_out(statistic).await?;
        }
        // What a server says unasked: its mode, validity, polls.
        let until = Instant::now() + self.config.stay;
        while self.hear(until).await? {}
        self.close_what_was_opened().await
    }

    /// Ends the connection in order; how the other side takes it is no matter.
    pub(super) async fn end(mut self) -> ProbeReport {
        self.stream.shutdown().await.unwrap_or_default();
        self.report
    }

    async fn register(&mut self) -> Result<(), String> {
        let mut out = BytesMut::new();
        out.extend_from_slice(&packet(AddpCommand::Init, REMOTE_TIMEOUT_MS));
        Request::Register(self.config.register.clone()).write(self.config.charset, &mut out);
        self.send(&out).await?;
        self.hear_until("an answer to the registration", |talk| {
            talk.report.compat.is_some()
        })
        .await
    }

    async fn ask_for_lists(&mut self) -> Result<(), String> {
        let mut out = BytesMut::new();
        for (reference_id, kind) in (1..).zip(ProfileKind::ALL) {
            let request = Request::Profile {
                reference_id,
                tag: None,
                kind,
            };
            request.write(self.config.charset, &mut out);
        }
        self.send(&out).await?;
        self.hear_until("all four lists", |talk| {
            talk.report.profiles.len() >= ProfileKind::ALL.len()
        })
        .await
    }

    /// A server without ADDP is one too: what it does not answer is not in the report.
    async fn measure_heartbeats(&mut self) -> Result<(), String> {
        self.send(&packet(AddpCommand::Version, 0)).await?;
        for number in 0..POLLS {
            // On a short way the answer is there before the writing has returned.
            self.polled = Some(Instant::now());
            self.send(&packet(AddpCommand::Poll, number)).await?;
            let is_answered = |talk: &Self| talk.polled.is_none();
            if !self.hear_while_patient(is_answered).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends a question; answers are timed from now.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.asked = Instant::now();
        self.stream
            .write_all(bytes)
            .await
            .map_err(|error| format!("cannot write: {error}"))
    }

    /// How long ago the last question was sent.
    pub(super) fn since_asked(&self) -> Duration {
        self.asked.elapsed()
    }

    async fn hear_until(
        &mut self,
        awaited: &str,
        is_there: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        if self.hear_while_patient(is_there).await? {
            Ok(())
        } else {
            Err(format!("the server did not send {awaited} in time"))
        }
    }

    /// Listens until what is awaited is there; tells whether it came in time.
    pub(super) async fn hear_while_patient(
        &mut self,
        is_there: impl Fn(&Self) -> bool,
    ) -> Result<bool, String> {
        let deadline = Instant::now() + self.config.patience;
        while !is_there(self) {
            if !self.hear(deadline).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads once and takes in what is complete; tells whether anything came in time.
    async fn hear(&mut self, deadline: Instant) -> Result<bool, String> {
        let read = timeout_at(deadline, self.stream.read_buf(&mut self.inbox)).await;
        match read {
            Err(_) => return Ok(false),
            Ok(Err(error)) => return Err(format!("the connection broke: {error}")),
            Ok(Ok(0)) => return Err("the server closed the connection".to_owned()),
            Ok(Ok(_)) => {}
        }
        loop {
            match self.deframer.next(&mut self.inbox) {
                Ok(None) => return Ok(true),
                Ok(Some(Packet::Addp(packet))) => self.heartbeat(packet).await?,
                Ok(Some(Packet::Body(body))) => self.message(&body)?,
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    async fn heartbeat(&mut self, heard: Addp) -> Result<(), String> {
        let inside = self.deframer.is_inside_frame();
        let addp = &mut self.report.addp;
        addp.inside_frames += u32::from(inside);
        match heard.command {
            AddpCommand::InitAnswer => addp.init_answer = Some(heard.data),
            AddpCommand::VersionAnswer => addp.version = Some(heard.data),
            AddpCommand::PollAnswer => {
                if let Some(polled) = self.polled.take() {
                    addp.round_trips.push(polled.elapsed());
                }
            }
            AddpCommand::Poll => {
                addp.polls_received += 1;
                let answer = packet(AddpCommand::PollAnswer, heard.data);
                let written = self.stream.write_all(&answer).await;
                written.map_err(|error| format!("cannot write: {error}"))?;
            }
            AddpCommand::Other(letter) if !addp.unknown_letters.contains(&letter.into()) => {
                addp.unknown_letters.push(letter.into());
            }
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, body: &[u8]) -> Result<(), String> {
        self.report.body_len_max = self.report.body_len_max.max(body.len());
        self.report.messages.push(Heard {
            at: self.connected.elapsed(),
            message: RawMessage::read(body, self.config.charset),
        });
        match Message::decode(body, self.config.charset) {
            Ok(Message::Event(event)) => self.event(&event),
            Ok(Message::Request(_) | Message::Unknown(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), String> {
        let is_registered = self.report.compat.is_some();
        let text = || event.text.as_deref().unwrap_or_default().to_owned();
        match event.kind {
            EventKind::Registered => {
                self.report
                    .registered_in
                    .get_or_insert(self.asked.elapsed());
                self.report.compat = Some(event.int_value);
                self.report.version = event.text.as_deref().map(str::to_owned);
            }
            EventKind::Error if !is_registered => {
                let (text, code) = (text(), event.int_value);
                return Err(format!("the server refused: {text} (code {code})"));
            }
            EventKind::ServerMode => self.report.modes.push(Announcement {
                code: event.int_value,
                at: self.connected.elapsed(),
                before_registration: !is_registered,
            }),
            EventKind::StatisticProfile => {
                if let Some(kind) = ProfileKind::from_code(event.int_value) {
                    self.list(kind, Ok(entries(event)));
                }
            }
            EventKind::Error => {
                let at = usize::try_from(event.reference_id.saturating_sub(1)).ok();
                match at.and_then(|at| ProfileKind::ALL.get(at)) {
                    Some(kind) => self.list(*kind, Err(text())),
                    None => self.heard_of_trial(event),
                }
            }
            _ => self.heard_of_trial(event),
        }
        Ok(())
    }

    fn list(&mut self, kind: ProfileKind, entries: Result<Vec<(String, String)>, String>) {
        let took = self.asked.elapsed();
        self.report.profiles.push(ProfileList {
            kind,
            took,
            entries,
        });
    }
}

fn packet(command: AddpCommand, data: u32) -> [u8; 6] {
    Addp { command, data }.encode()
}

fn entries(event: &Event<'_>) -> Vec<(String, String)> {
    let Some(list) = &event.profile else {
        return Vec::new();
    };
    let names = list.0.iter().map(|(name, _)| name);
    names
        .map(|name| {
            let definition = list.text(name).unwrap_or_default();
            (name.clone(), definition.to_owned())
        })
        .collect()
}
