//! The simulated servers as a client sees them, over in-memory pipes and paused time.

mod asking;
mod faults;
mod lasting;
mod load;
mod notifying;
mod pairs;
mod scale;
mod scenarios;
mod spoiling;

use std::borrow::Cow;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::*;
use crate::model::{NotificationMode, Timestamp};
use crate::wire::{
    Addp, Charset, Deframer, EventKind, Kv, Message, Notification, Object, Packet, ProfileKind,
    Refinements, Register, Request, ServerMode,
};

/// What a client hears, with everything borrowed copied.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    kind: EventKind,
    id: i32,
    tag: i32,
    int: i64,
    interval: i32,
    text: String,
    void: Option<Vec<u8>>,
    profile: Option<Kv>,
}

#[derive(Debug, Clone, PartialEq)]
enum Said {
    Event(Heard),
    Addp(Addp),
    End,
}

struct Client<S> {
    stream: S,
    input: BytesMut,
    deframer: Deframer,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            deframer: Deframer::new(1 << 20),
        }
    }

    async fn registered(stream: S) -> Self {
        let mut client = Self::new(stream);
        client
            .send(&Request::Register(Register::as_client("test", 0)))
            .await;
        assert_eq!(client.event().await.kind, EventKind::Registered);
        client
    }

    async fn send(&mut self, request: &Request<'_>) {
        let mut bytes = BytesMut::new();
        request.write(Charset::UTF_8, &mut bytes);
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn said(&mut self) -> Said {
        loop {
            match self.deframer.next(&mut self.input).unwrap() {
                Some(Packet::Addp(packet)) => return Said::Addp(packet),
                Some(Packet::Body(body)) => {
                    let Message::Event(event) = Message::decode(&body, Charset::UTF_8).unwrap()
                    else {
                        panic!("a server sent something else than an event");
                    };
                    return Said::Event(Heard {
                        kind: event.kind,
                        id: event.reference_id,
                        tag: event.tag,
                        int: event.int_value,
                        interval: event.interval_length,
                        text: event.text.unwrap_or_default().into_owned(),
                        void: event.void.map(<[u8]>::to_vec),
                        profile: event.profile,
                    });
                }
                None if self.stream.read_buf(&mut self.input).await.unwrap_or(0) == 0 => {
                    return Said::End;
                }
                None => {}
            }
        }
    }

    async fn event(&mut self) -> Heard {
        match self.said().await {
            Said::Event(event) => event,
            other => panic!("an event was expected, not {other:?}"),
        }
    }

    /// Sends and answers the first event that comes.
    async fn ask(&mut self, request: Request<'_>) -> Heard {
        self.send(&request).await;
        self.event().await
    }

    /// Whether nothing is said for ten seconds.
    async fn is_left_alone(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(10), self.said())
            .await
            .is_err()
    }
}

fn simulator() -> Arc<Simulator> {
    simulator_of(100)
}

fn simulator_of(statistics: u32) -> Arc<Simulator> {
    let config = Config {
        seed: 42,
        speed: 1.0,
        statistics,
        tenant_passwords: vec![("Resources".to_owned(), "secret".to_owned())],
        version: "8.5.112.03".to_owned(),
    };
    Simulator::new(config, Clock::set_at(Timestamp(1_700_000_000_000)))
}

async fn client(simulator: &Arc<Simulator>) -> Client<DuplexStream> {
    Client::registered(simulator.connect(Role::Primary).unwrap()).await
}

fn statistic(text: &str) -> Statistic {
    text.parse().unwrap()
}

fn object(statistic: &Statistic, password: &str) -> Object<'static> {
    Object {
        object_type: statistic.object_type().code().into(),
        object_id: statistic.object_id().to_owned().into(),
        tenant: statistic.tenant().to_owned().into(),
        tenant_password: Cow::Owned(password.into()),
    }
}

fn open_as(id: i32, text: &str, notification: Notification) -> Request<'static> {
    let statistic = statistic(text);
    Request::Open {
        reference_id: id,
        tag: Some(id + 1000),
        object: object(&statistic, "secret"),
        metric: statistic.metric().to_owned().into(),
        notification,
        refinements: Refinements::default(),
    }
}

fn open(id: i32, text: &str) -> Request<'static> {
    open_as(id, text, Notification::of(NotificationMode::Immediate))
}

fn number(text: &str) -> ScriptedValue {
    ScriptedValue::Number(text.to_owned())
}
