//! Random requests, events, lists and streams.

use std::borrow::Cow;
use std::fmt::Debug;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::model::NotificationMode;
use crate::wire::{
    Addp, AddpCommand, AgentPlaceStatus, AgentReasons, AgentStatus, Capabilities, Definition,
    DnAction, DnCall, DnKind, DnStatus, Event, EventKind, GroupStatus, Kv, KvValue, Notification,
    Object, PlaceStatus, ProfileKind, QueueGroupStatus, Refinements, Register, Request, StateBody,
};

fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..20)
}

/// All five types, lists up to four deep.
pub(super) fn kv() -> impl Strategy<Value = Kv> {
    let leaf = prop_oneof![
        text().prop_map(KvValue::Text),
        any::<i32>().prop_map(KvValue::Int),
        bytes().prop_map(KvValue::Binary),
        text().prop_map(KvValue::Unicode),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        vec((text(), inner), 0..4).prop_map(|pairs| KvValue::List(Kv(pairs)))
    });
    vec((text(), value), 0..5).prop_map(Kv)
}

fn object() -> impl Strategy<Value = Object<'static>> {
    (any::<i32>(), text(), text(), text()).prop_map(|(object_type, object_id, tenant, password)| {
        Object {
            object_type,
            object_id: object_id.into(),
            tenant: tenant.into(),
            tenant_password: Cow::Owned(password.into()),
        }
    })
}

fn notification() -> impl Strategy<Value = Notification> {
    use NotificationMode::{Immediate, NoNotification, Periodical, Reset};
    let mode = prop::sample::select(vec![Immediate, NoNotification, Periodical, Reset]);
    (mode, option::of(any::<i32>()), option::of(1..=i32::MAX)).prop_map(
        |(mode, insensitivity, frequency)| Notification {
            mode,
            insensitivity,
            frequency,
        },
    )
}

fn refinements() -> impl Strategy<Value = Refinements<'static>> {
    (text(), text(), text(), text()).prop_map(|(filter, time_profile, time_range, time_range2)| {
        Refinements {
            filter: filter.into(),
            time_profile: time_profile.into(),
            time_range: time_range.into(),
            time_range2: time_range2.into(),
        }
    })
}

fn definition() -> impl Strategy<Value = Box<Definition>> {
    let numbers = (
        any::<i32>(),
        any::<i32>(),
        any::<i32>(),
        option::of(any::<i32>()),
    );
    let range = || option::of((any::<i32>(), any::<i32>()));
    (numbers, bytes(), bytes(), range(), range(), text(), text()).prop_map(
        |(numbers, main_mask, relative_mask, time_range, time_range2, filter, time_profile)| {
            let (category, subject, interval, interval_length) = numbers;
            Box::new(Definition {
                category,
                subject,
                interval,
                interval_length,
                main_mask,
                relative_mask,
                time_range,
                time_range2,
                filter,
                time_profile,
            })
        },
    )
}

fn register() -> impl Strategy<Value = Register> {
    (
        text(),
        text(),
        any::<i32>(),
        any::<i32>(),
        vec(text(), 0..5),
    )
        .prop_map(
            |(protocol, client_name, library_version, client_id, capabilities)| Register {
                protocol,
                client_name,
                library_version,
                client_id,
                capabilities: Capabilities(capabilities),
            },
        )
}

pub(super) fn request() -> impl Strategy<Value = Request<'static>> {
    let ids = || (any::<i32>(), option::of(any::<i32>()));
    let about = || (any::<i32>(), any::<i32>());
    let kind = prop::sample::select(ProfileKind::ALL.to_vec());
    let open = (ids(), object(), text(), notification(), refinements());
    let get = (ids(), object(), text(), refinements());
    prop_oneof![
        register().prop_map(Request::Register),
        open.prop_map(
            |((reference_id, tag), object, metric, notification, refinements)| {
                Request::Open {
                    reference_id,
                    tag,
                    object,
                    metric: metric.into(),
                    notification,
                    refinements,
                }
            }
        ),
        get.prop_map(|((reference_id, tag), object, metric, refinements)| {
            Request::Get {
                reference_id,
                tag,
                object,
                metric: metric.into(),
                refinements,
            }
        }),
        (ids(), object(), definition(), notification()).prop_map(
            |((reference_id, tag), object, definition, notification)| {
                Request::OpenEx {
                    reference_id,
                    tag,
                    object,
                    definition,
                    notification,
                }
            }
        ),
        (ids(), object(), definition()).prop_map(|((reference_id, tag), object, definition)| {
            Request::GetEx {
                reference_id,
                tag,
                object,
                definition,
            }
        }),
        about().prop_map(|(reference_id, statistic)| Request::Peek {
            reference_id,
            statistic
        }),
        about().prop_map(|(reference_id, statistic)| Request::Suspend {
            reference_id,
            statistic
        }),
        about().prop_map(|(reference_id, statistic)| Request::Resume {
            reference_id,
            statistic
        }),
        about().prop_map(|(reference_id, statistic)| Request::Close {
            reference_id,
            statistic
        }),
        (ids(), kind).prop_map(|((reference_id, tag), kind)| {
            Request::Profile {
                reference_id,
                tag,
                kind,
            }
        }),
    ]
}

fn event_kind() -> impl Strategy<Value = EventKind> {
    let mut kinds = vec![
        EventKind::Error,
        EventKind::Info,
        EventKind::StatisticClosed,
        EventKind::StatisticProfile,
        EventKind::StatisticValid,
        EventKind::StatisticInvalid,
        EventKind::Registered,
        EventKind::StatisticOpened,
        EventKind::ServerMode,
    ];
    kinds.extend((17..=20).map(EventKind::TargetState));
    prop::sample::select(kinds)
}

/// An event without `void`, which borrows; the test adds the bytes.
pub(super) fn event() -> impl Strategy<Value = (Event<'static>, Option<Vec<u8>>)> {
    let numbers = (
        any::<i32>(),
        any::<i32>(),
        any::<u32>(),
        any::<i32>(),
        any::<i32>(),
    );
    let lists = (option::of(kv()), option::of(kv()));
    (
        event_kind(),
        numbers,
        option::of(text()),
        lists,
        option::of(bytes()),
    )
        .prop_map(|(kind, numbers, text, (profile, version), void)| {
            let (reference_id, tag, time, interval_length, int_value) = numbers;
            let event = Event {
                kind,
                reference_id,
                tag,
                time,
                interval_length,
                int_value: int_value.into(),
                text: text.map(Into::into),
                void: None,
                profile,
                profile_fault: None,
                version,
            };
            (event, void)
        })
}

/// What most statuses start with: an id, a status and a time.
fn head() -> impl Strategy<Value = (String, u16, u32)> {
    (text(), any::<u16>(), any::<u32>())
}

fn action() -> impl Strategy<Value = DnAction> {
    let call = (any::<[u8; 8]>(), text(), text(), kv()).prop_map(
        |(connection_id, dnis, ani, user_data)| DnCall {
            connection_id,
            dnis,
            ani,
            user_data,
        },
    );
    (any::<u16>(), any::<u32>(), option::of(call)).prop_map(|(action, time, call)| DnAction {
        action,
        time,
        call,
    })
}

fn dn() -> impl Strategy<Value = DnStatus> {
    let numbers = (any::<u16>(), any::<u16>(), any::<u32>());
    (text(), text(), numbers, vec(action(), 0..3)).prop_map(
        |(dn, switch, (dn_type, status, time), actions)| DnStatus {
            dn,
            switch,
            dn_type,
            status,
            time,
            actions,
        },
    )
}

fn place() -> impl Strategy<Value = PlaceStatus> {
    (head(), vec(dn(), 0..3)).prop_map(|((place_id, status, time), dns)| PlaceStatus {
        place_id,
        status,
        time,
        dns,
    })
}

fn agent() -> impl Strategy<Value = AgentStatus> {
    (head(), option::of(place()), text()).prop_map(|((agent_id, status, time), place, login_id)| {
        AgentStatus {
            agent_id,
            status,
            time,
            place,
            login_id,
        }
    })
}

fn agent_place() -> impl Strategy<Value = AgentPlaceStatus> {
    (place(), text(), text()).prop_map(|(place, agent_id, login_id)| AgentPlaceStatus {
        place,
        agent_id,
        login_id,
    })
}

fn group<M: Debug>(member: impl Strategy<Value = M>) -> impl Strategy<Value = GroupStatus<M>> {
    (head(), vec(member, 0..4)).prop_map(|((group_id, status, time), members)| GroupStatus {
        group_id,
        status,
        time,
        members,
    })
}

fn queue_group() -> impl Strategy<Value = QueueGroupStatus> {
    (head(), any::<u16>()).prop_map(|((group_id, status, time), agent_count)| QueueGroupStatus {
        group_id,
        status,
        time,
        agent_count,
    })
}

fn reasons() -> impl Strategy<Value = AgentReasons> {
    (head(), kv(), text()).prop_map(
        |((agent_id, status, time), reasons, login_id)| AgentReasons {
            agent_id,
            status,
            time,
            reasons,
            login_id,
        },
    )
}

/// States of every kind.
pub(super) fn state() -> impl Strategy<Value = StateBody> {
    let kind = prop::sample::select(vec![DnKind::RoutePoint, DnKind::Queue, DnKind::RegularDn]);
    prop_oneof![
        agent().prop_map(StateBody::Agent),
        agent_place().prop_map(StateBody::Place),
        group(agent()).prop_map(StateBody::AgentGroup),
        group(place()).prop_map(StateBody::PlaceGroup),
        (kind, dn()).prop_map(|(kind, status)| StateBody::Dn(kind, status)),
        queue_group().prop_map(StateBody::QueueGroup),
        reasons().prop_map(StateBody::Reasons),
    ]
}

pub(super) fn addp() -> impl Strategy<Value = Addp> {
    (any::<u8>(), 0..0x0100_0000_u32).prop_map(|(letter, data)| Addp {
        command: AddpCommand::from_letter(letter),
        data,
    })
}

/// Bytes that look enough like the protocol to get past its first checks.
pub(super) fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let announcement = |total: u16| {
        let mut bytes = b"\0\0\0\x1c$PACKET EXTENSION V1.00$\0\0".to_vec();
        bytes.extend_from_slice(&total.to_be_bytes());
        bytes
    };
    let piece = prop_oneof![
        1 => bytes(),
        2 => (0..600_u16).prop_map(announcement),
        4 => (0..40_u8, vec(any::<u8>(), 0..40)).prop_map(|(len, mut bytes)| {
            bytes.splice(0..0, [0, 0, 0, len]);
            bytes
        }),
        1 => addp().prop_map(|addp| addp.encode().to_vec()),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}
