//! Conversations without faults: registration, requests and their answers, refusals.

use super::*;
use crate::model::State;
use crate::wire::{Definition, decode_state};

const WAITING: &str = "CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment";
const LOGIN: &str = "TotalLoginTime;Agent;KSippola;Environment";

#[tokio::test(start_paused = true)]
async fn registration_comes_first_and_lists_come_on_request() {
    let simulator = simulator();
    let mut client = Client::new(simulator.connect(Role::Primary).unwrap());
    // Unregistered clients are not talked to.
    client.send(&open(1, WAITING)).await;
    assert!(client.is_left_alone().await);
    let registered = client
        .ask(Request::Register(Register::as_client("test", 0)))
        .await;
    assert_eq!(
        (registered.kind, registered.int),
        (EventKind::Registered, 61)
    );
    assert_eq!(
        (registered.text.as_str(), registered.tag),
        ("8.5.112.03", -1)
    );

    let profile = Request::Profile {
        reference_id: 7,
        tag: None,
        kind: ProfileKind::StatTypes,
    };
    let heard = client.ask(profile).await;
    assert_eq!(
        (heard.kind, heard.id, heard.int),
        (EventKind::StatisticProfile, 7, 0)
    );
    let definition = heard
        .profile
        .unwrap()
        .text("TotalLoginTime")
        .unwrap()
        .to_owned();
    assert_eq!(
        definition,
        "Objects=Agent; Category=TotalTime; Subject=AgentStatus; MainMask=*, ~LoggedOut, ~NotMonitored"
    );
    for kind in ProfileKind::ALL {
        let profile = Request::Profile {
            reference_id: 8,
            tag: Some(1),
            kind,
        };
        let heard = client.ask(profile).await;
        assert_eq!(heard.int, i64::from(kind.code()));
        assert!(!heard.profile.unwrap().0.is_empty());
    }

    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_statistic_from_open_to_close() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    simulator.set(&statistic(WAITING), number("7"));
    let opened = client.ask(open(5001, WAITING)).await;
    assert_eq!(
        (opened.kind, opened.id, opened.tag),
        (EventKind::StatisticOpened, 5001, 6001)
    );
    let value = client.event().await;
    assert_eq!(
        (value.kind, value.id, value.tag),
        (EventKind::Info, 5001, 6001)
    );
    assert_eq!((value.text.as_str(), value.int), ("7", 7));

    let peeked = client
        .ask(Request::Peek {
            reference_id: 9,
            statistic: 5001,
        })
        .await;
    assert_eq!(peeked, value, "a peek is answered under the open's id");

    simulator.set(&statistic(WAITING), number("8"));
    assert_eq!(client.event().await.text, "8");
    simulator.set(&statistic(WAITING), number("8"));
    assert!(
        client.is_left_alone().await,
        "what did not change is not told"
    );

    client
        .send(&Request::Suspend {
            reference_id: 10,
            statistic: 5001,
        })
        .await;
    assert!(client.is_left_alone().await);
    simulator.set(&statistic(WAITING), number("9"));
    assert!(client.is_left_alone().await);
    let resumed = client
        .ask(Request::Resume {
            reference_id: 11,
            statistic: 5001,
        })
        .await;
    assert_eq!(resumed.text, "9");

    let counts = simulator.counts(Role::Primary);
    assert_eq!(
        (counts.opens_now, counts.opens_total, counts.peeks_total),
        (1, 1, 1)
    );
    let closed = client
        .ask(Request::Close {
            reference_id: 12,
            statistic: 5001,
        })
        .await;
    assert_eq!(
        (closed.kind, closed.id, closed.int),
        (EventKind::StatisticClosed, 12, 5001)
    );
    let again = client
        .ask(Request::Close {
            reference_id: 13,
            statistic: 5001,
        })
        .await;
    assert_eq!((again.kind, again.id), (EventKind::Error, 13));
    let counts = simulator.counts(Role::Primary);
    assert_eq!(
        (counts.opens_now, counts.closes_total, counts.refusals_total),
        (0, 1, 1)
    );
    let peeks = simulator
        .log()
        .into_iter()
        .filter(|entry| entry.kind == LogKind::Peek);
    assert_eq!(
        peeks.map(|entry| entry.statistic).collect::<Vec<_>>(),
        [WAITING]
    );
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_is_refused_under_its_own_id() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    for (text, says) in [
        (
            "Nonsense;Queue;9001@SIP_Switch;Environment",
            "Statistic type 'Nonsense' not found",
        ),
        (
            "TotalLoginTime;Agent;Nobody;Environment",
            "Agent 'Nobody' (Tenant 'Environment') not found",
        ),
        (
            "TotalLoginTime;Agent;KSippola;Nowhere",
            "Tenant 'Nowhere' not found",
        ),
        (
            "TotalLoginTime;Agent;KSippola;Resources",
            "Agent 'KSippola' (Tenant 'Resources') not found",
        ),
        (
            "TotalLoginTime;Queue;9001@SIP_Switch;Environment",
            "Statistic type 'TotalLoginTime' does not apply to object type 'Queue'",
        ),
    ] {
        let heard = client.ask(open(17, text)).await;
        assert_eq!(
            (heard.kind, heard.id, heard.tag),
            (EventKind::Error, 17, 1017)
        );
        assert_eq!(heard.text, says);
    }
    let of_resources = statistic("ExpectedWaitTime;Queue;9003@SIP_Switch;Resources");
    for (password, kind) in [("wrong", EventKind::Error), ("secret", EventKind::Info)] {
        let get = Request::Get {
            reference_id: 4,
            tag: None,
            object: object(&of_resources, password),
            metric: of_resources.metric().to_owned().into(),
            refinements: Refinements::default(),
        };
        let heard = client.ask(get).await;
        assert_eq!(
            (heard.kind, heard.id, heard.tag),
            (kind, 4, -1),
            "{password}"
        );
    }
    assert_eq!(
        client.ask(open(5, WAITING)).await.kind,
        EventKind::StatisticOpened
    );
    client.event().await;
    let taken = client.ask(open(5, LOGIN)).await;
    assert_eq!(
        (taken.kind, taken.text.as_str()),
        (EventKind::Error, "Reference id 5 is in use")
    );
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn unknown_messages_are_skipped_and_garbage_ends_the_connection() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    client
        .stream
        .write_all(&[0, 0, 0, 5, 0, 0, 0, 0x27, 0x0f])
        .await
        .unwrap();
    assert_eq!(
        client.ask(open(1, WAITING)).await.kind,
        EventKind::StatisticOpened
    );
    client.event().await;
    client
        .stream
        .write_all(b"GET / HTTP/1.1\r\n")
        .await
        .unwrap();
    assert_eq!(client.said().await, Said::End);
    let last = simulator.log().pop().unwrap();
    assert_eq!(last.kind, LogKind::Disconnected);
    assert!(last.detail.contains("neither a frame"), "{}", last.detail);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agents_state_can_be_decoded_with_every_compat() {
    let simulator = simulator();
    for compat in [0, 1, 61] {
        simulator.set_compat(compat);
        let mut client = client(&simulator).await;
        client
            .ask(open(1, "CurrentAgentState;Agent;KSippola;Environment"))
            .await;
        let value = client.event().await;
        assert_eq!((value.int, value.text.as_str()), (0, ""));
        let (state, error) = decode_state(&value.void.unwrap(), compat, Charset::UTF_8);
        assert_eq!(error, None);
        let State::Agent(agent) = state else {
            panic!("not an agent: {state:?}")
        };
        assert_eq!(agent.agent, "KSippola");
        assert_eq!(agent.login.is_some(), compat > 0);
        assert_eq!(agent.place.unwrap().dns.len(), 1);
    }
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn definitions_spelled_out_are_answered_where_they_mean_a_known_statistic() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    simulator.set(&statistic(WAITING), number("4"));
    let get = |category, bit: usize| {
        let mut main_mask = vec![0; 12];
        main_mask[bit / 8] |= 1 << (bit % 8);
        let definition = Definition {
            category,
            main_mask,
            relative_mask: vec![0; 12],
            ..Definition::default()
        };
        Request::GetEx {
            reference_id: 2,
            tag: None,
            object: object(&statistic(WAITING), ""),
            definition: Box::new(definition),
        }
    };
    assert_eq!(client.ask(get(12, 9)).await.text, "4");
    assert_eq!(client.ask(get(20, 9)).await.kind, EventKind::Error);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_statistic_that_only_a_script_knows_exists_from_then_on() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    let own = "Mood;Campaign;Spring;Elsewhere";
    assert_eq!(client.ask(open(1, own)).await.kind, EventKind::Error);
    simulator.set(&statistic(own), ScriptedValue::Text("cheerful".to_owned()));
    assert_eq!(
        client.ask(open(1, own)).await.kind,
        EventKind::StatisticOpened
    );
    assert_eq!(client.event().await.text, "cheerful");
    simulator.set(&statistic(own), ScriptedValue::Text("tired".to_owned()));
    assert_eq!(client.event().await.text, "tired");
    simulator.stop().await;
}
