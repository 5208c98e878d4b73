//! Bodies of states: the golden ones cut short, malformed ones, and what holds for any of them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::golden::Golden;
use super::hex;
use super::strategies::state;
use crate::model::State;
use crate::wire::{
    Charset, DnKind, DnStatus, Fault, GroupStatus, Kv, KvValue, StateBody, decode_state,
};

/// One of each form: without any trailers, with login ids, and with the places' trailer too.
const COMPATS: [i64; 4] = [0, 1, 2, 61];

fn read_back(state: &State) -> State {
    serde_json::from_str(&state.to_json()).unwrap_or_else(|error| {
        panic!("{error}: {}", state.to_json());
    })
}

#[test]
fn golden_bodies_encode_to_the_same_bytes() {
    let mut kinds = Vec::new();
    for golden in Golden::all() {
        for body in golden.states() {
            let decoded = StateBody::decode(&body, golden.compat, Charset::UTF_8);
            let Ok(Some(state)) = decoded else { continue };
            kinds.push(body[..4].to_vec());
            let encoded = state.encode(golden.compat, Charset::UTF_8);
            assert_eq!(
                encoded == body,
                !golden.state_reading_only,
                "{}",
                golden.name()
            );
        }
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 9, "{kinds:?}");
}

#[test]
fn golden_bodies_cut_anywhere_stay_raw_with_the_reason() {
    for golden in Golden::all() {
        for body in golden.states() {
            let described = !matches!(
                StateBody::decode(&body, golden.compat, Charset::UTF_8),
                Ok(None)
            );
            for cut in 0..body.len() {
                let raw = body[..cut].to_vec();
                let (state, error) = decode_state(&raw, golden.compat, Charset::UTF_8);
                assert_eq!(state, State::Raw { raw }, "{} cut at {cut}", golden.name());
                // A kind that nobody has described has no end to miss.
                assert_eq!(
                    error.is_some(),
                    described || cut < 4,
                    "{} cut at {cut}",
                    golden.name()
                );
            }
        }
    }
}

#[test]
fn golden_states_read_back_from_their_json() {
    for golden in Golden::all() {
        for body in golden.states() {
            let (state, _) = decode_state(&body, golden.compat, Charset::UTF_8);
            assert_eq!(read_back(&state), state, "{}", golden.name());
        }
    }
}

#[test]
fn bodies_that_do_not_parse_stay_raw_with_the_reason() {
    let call = "000a 0008 0000 0000 0001 0004 00000000 0001 0004 00000000 0001 \
                0102030405060708 0000 0000";
    let check = |body: &str, compat, expected: Option<&str>| {
        let body = hex(body);
        let (state, error) = decode_state(&body, compat, Charset::UTF_8);
        assert_eq!(state, State::Raw { raw: body });
        let expected = expected.map(|expected| format!("malformed bytes at offset {expected}"));
        assert_eq!(error.map(|error| error.to_string()), expected);
    };
    for (body, expected) in [
        ("000a", "2: the state's object type is cut off"),
        (
            "000a 0000 0001 61 0004 00000000 0002",
            "13: the place's presence is 2, outside its range",
        ),
        (
            "000a 0000 0001 61 0004 00000000 0000 aa",
            "15: 1 bytes after the last attribute",
        ),
        ("000a 0001 0000 0004 00000000 0001", "14: the DN is cut off"),
        (
            "000a 0002 0000 0004 00000000 ffff 0000",
            "16: the agent's status is cut off",
        ),
        (
            "000a 0003 0000 0004 00000000 0001",
            "14: the place's id is cut off",
        ),
        (
            "000a 0006 0000 0004 00000000",
            "12: the number of agents is cut off",
        ),
        (
            "000a 0008 0000 0000 0001 0004 00000000 0001 0004 00000000 0002",
            "24: the action's data kind is 2, outside its range",
        ),
        ("0029 0000 0000", "6: the agent's status is cut off"),
        (
            "0029 0000 0000 0004 00000000 0001",
            "12: a byte block states a length of 1, less than the length itself takes",
        ),
    ] {
        check(body, 0, Some(expected));
    }
    for (user_data, expected) in [
        ("0002", "40: a list's count is cut off"),
        ("0005 0000 aa", "42: 1 bytes after the last attribute"),
        ("0005 0001 05", "43: a pair's key is cut off"),
        ("fffe 0000", "40: the user data is cut off"),
    ] {
        check(&format!("{call} {user_data}"), 0, Some(expected));
    }
    // With this number a place's own state goes on.
    let place = "000a 0001 0000 0004 00000000 0000";
    check(place, 2, Some("14: the agent's id is cut off"));
    check(
        &format!("{place} 0000"),
        61,
        Some("16: the login id is cut off"),
    );
    // Kinds that nobody has described.
    for body in ["000a 0007 0000", "0029 0001 0000", "002c 0000", "000b 0000"] {
        check(body, 61, None);
    }
}

#[test]
fn numbers_of_queues_are_named_as_queues() {
    let name = |kind| {
        let status = DnStatus {
            dn: "7001".into(),
            switch: "SIP_Switch".into(),
            dn_type: 2,
            status: 9,
            time: 0,
            actions: vec![],
        };
        let body = StateBody::Dn(kind, status).encode(61, Charset::UTF_8);
        let (state, error) = decode_state(&body, 61, Charset::UTF_8);
        assert_eq!(error, None);
        let State::Dn(dn) = state else {
            panic!("{state:?}");
        };
        dn.status
    };
    assert_eq!(name(DnKind::RegularDn), "AfterCallWork");
    assert_eq!(name(DnKind::Queue), "CallWait");
    assert_eq!(name(DnKind::RoutePoint), "CallWait");
}

#[test]
fn what_no_length_can_say_is_cut_or_left_out() {
    let long = "x".repeat(65_540);
    let group = StateBody::AgentGroup(GroupStatus {
        group_id: long.clone(),
        status: 1,
        time: 0,
        members: vec![],
    });
    let reasons = |text: &str| crate::wire::AgentReasons {
        agent_id: String::new(),
        status: 8,
        time: 0,
        reasons: Kv(vec![(String::new(), KvValue::Text(text.to_owned()))]),
        login_id: String::new(),
    };
    let read = |body: &[u8]| {
        StateBody::decode(body, 61, Charset::UTF_8)
            .unwrap()
            .unwrap()
    };
    let StateBody::AgentGroup(read_group) = read(&group.encode(61, Charset::UTF_8)) else {
        panic!("not a group");
    };
    assert_eq!(read_group.group_id, long[..65_535]);
    for (len, kept) in [(65_526, true), (65_527, false)] {
        let sent = reasons(&long[..len]);
        let StateBody::Reasons(read) =
            read(&StateBody::Reasons(sent.clone()).encode(61, Charset::UTF_8))
        else {
            panic!("not reasons");
        };
        assert!((read.reasons == sent.reasons) == kept, "{len} bytes");
        assert_eq!(read.reasons.0.is_empty(), !kept, "{len} bytes");
    }
}

#[test]
fn the_deepest_user_data_reads_back_from_json() {
    // The deepest there can be: sixteen lists inside the first, each beside one of its own name,
    // in a call at a DN at a place of an agent in a group.
    let mut data = Kv::default();
    for _ in 0..16 {
        let list = |inner: Kv| (String::from("a"), KvValue::List(inner));
        data = Kv(vec![list(data), list(Kv::default())]);
    }
    let Some(golden) = Golden::all()
        .into_iter()
        .find(|golden| golden.name() == "info-agent-user-data.frame")
    else {
        panic!("no golden agent with user data");
    };
    let body = &golden.states()[0];
    let Ok(Some(StateBody::Agent(mut agent))) = StateBody::decode(body, 1, Charset::UTF_8) else {
        panic!("no agent");
    };
    let place = agent.place.as_mut().unwrap();
    place.dns[0].actions[0].call.as_mut().unwrap().user_data = data;
    let group = StateBody::AgentGroup(GroupStatus {
        group_id: "deep".into(),
        status: 1,
        time: 0,
        members: vec![agent],
    });
    let body = group.encode(1, Charset::UTF_8);
    let (state, error) = decode_state(&body, 1, Charset::UTF_8);
    assert_eq!(error, None);
    assert!(state.to_json().contains(r#""a":[{"a":["#));
    assert_eq!(read_back(&state), state);
}

proptest! {
    #[test]
    fn states_read_back_and_cut_ones_stay_raw(state in state(), compat in select(&COMPATS), at: Index) {
        let body = state.encode(compat, Charset::UTF_8);
        let decoded = StateBody::decode(&body, compat, Charset::UTF_8).unwrap().unwrap();
        prop_assert_eq!(&decoded.encode(compat, Charset::UTF_8), &body);
        if compat == 61 {
            // Only then does everything travel.
            prop_assert_eq!(&decoded, &state);
        }

        let raw = body[..at.index(body.len())].to_vec();
        let (state, error) = decode_state(&raw, compat, Charset::UTF_8);
        prop_assert_eq!(state, State::Raw { raw });
        prop_assert!(error.is_some());

        let raw = [&body[..], b"x"].concat();
        let (state, error) = decode_state(&raw, compat, Charset::UTF_8);
        prop_assert_eq!(state, State::Raw { raw });
        let at_end = matches!(error, Some(error) if error.fault == Fault::TrailingBytes(1));
        prop_assert!(at_end);
    }

    #[test]
    fn states_read_back_from_their_json(state in state(), compat in select(&COMPATS)) {
        let body = state.encode(compat, Charset::UTF_8);
        let (decoded, error) = decode_state(&body, compat, Charset::UTF_8);
        prop_assert_eq!(error, None);
        let same_kind = matches!(
            (&state, &decoded),
            (StateBody::Agent(_), State::Agent(_))
                | (StateBody::Place(_), State::Place(_))
                | (StateBody::AgentGroup(_), State::AgentGroup(_))
                | (StateBody::PlaceGroup(_), State::PlaceGroup(_))
                | (StateBody::Dn(..), State::Dn(_))
                | (StateBody::QueueGroup(_), State::QueueGroup(_))
                | (StateBody::Reasons(_), State::Reasons(_))
        );
        prop_assert!(same_kind, "{:?} reads as {:?}", state, decoded);
        prop_assert_eq!(read_back(&decoded), decoded);
    }

    #[test]
    fn any_bytes_read_without_panic_and_back_from_json(
        kind in select(&[0x000a_0000_u32, 0x000a_0001, 0x000a_0002, 0x000a_0003, 0x000a_0004,
            0x000a_0005, 0x000a_0006, 0x000a_0008, 0x0029_0000, 0x000a_0009]),
        // Mostly small numbers: counts and lengths that the bytes can meet.
        bytes in vec(prop_oneof![4 => Just(0_u8), 2 => 0..4_u8, 1 => any::<u8>()], 0..200),
        compat in select(&COMPATS),
    ) {
        let body = [&kind.to_be_bytes()[..], &bytes].concat();
        for len in 0..=body.len() {
            for charset in [Charset::UTF_8, Charset::for_label("shift_jis").unwrap()] {
                let (state, _) = decode_state(&body[..len], compat, charset);
                prop_assert_eq!(read_back(&state), state);
            }
        }
    }

    #[test]
    fn golden_bodies_with_flipped_bytes_read_without_panic_and_back_from_json(
        flips in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        for golden in Golden::all() {
            for mut body in golden.states() {
                for (at, byte) in &flips {
                    let at = at.index(body.len());
                    body[at] = *byte;
                }
                let (state, _) = decode_state(&body, golden.compat, Charset::UTF_8);
                prop_assert_eq!(read_back(&state), state);
            }
        }
    }
}
