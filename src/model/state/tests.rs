//! The JSON of each kind of state, word for word, and that no other kind reads it.

use serde::de::DeserializeOwned;

use super::*;

/// One JSON of each kind with all its optional fields, and one with none.
const JSONS: [&str; 16] = [
    r#"{"raw":"AP8H"}"#,
    r#"{"raw":""}"#,
    r#"{"status":"WaitForNextCall","since":"2023-11-14T22:13:20.000Z","agent":"KSippola","login":"4711","place":{"id":"Place_1","status":"OnHook","since":"2023-11-14T22:13:20.000Z","dns":[]}}"#,
    r#"{"status":"LoggedOut","since":"2023-11-14T22:13:20.000Z","agent":"KSippola"}"#,
    r#"{"id":"Place_1","status":"OnHook","since":"2023-11-14T22:13:20.000Z","dns":[],"agent":"KSippola","login":"4711"}"#,
    r#"{"id":"Place_1","status":"OnHook","since":"2023-11-14T22:13:20.000Z","dns":[]}"#,
    r#"{"dn":"2001","switch":"SIP_Switch","type":1,"status":"CallInbound","since":"2023-11-14T22:13:20.000Z","actions":[{"action":"CallInbound","since":"2023-11-14T22:13:20.000Z","connId":"0403020108070605","dnis":"7001","ani":"5550100","userData":{"Many":[1,"a",{"x":""}],"Number":-7,"Segment":"Gold"}}]}"#,
    r#"{"dn":"2001","switch":"SIP_Switch","status":"OnHook","since":"2023-11-14T22:13:20.000Z","actions":[]}"#,
    r#"{"group":"Support","status":"Monitored","since":"2023-11-14T22:13:20.000Z","agents":[{"status":"LoggedOut","since":"2023-11-14T22:13:20.000Z","agent":"KSippola"}]}"#,
    r#"{"group":"Support","status":"Monitored","since":"2023-11-14T22:13:20.000Z","agents":[]}"#,
    r#"{"group":"Floor 2","status":"Monitored","since":"2023-11-14T22:13:20.000Z","places":[{"id":"Place_1","status":"OnHook","since":"2023-11-14T22:13:20.000Z","dns":[]}]}"#,
    r#"{"group":"Floor 2","status":"Monitored","since":"2023-11-14T22:13:20.000Z","places":[]}"#,
    r#"{"group":"Lines","status":"Monitored","since":"2023-11-14T22:13:20.000Z","agentCount":65535}"#,
    r#"{"group":"Lines","status":"Monitored","since":"2023-11-14T22:13:20.000Z","agentCount":0}"#,
    r#"{"status":"NotReadyForNextCall","since":"2023-11-14T22:13:20.000Z","agent":"KSippola","login":"4711","reasons":{"Lunch":"yes"}}"#,
    r#"{"status":"NotReadyForNextCall","since":"2023-11-14T22:13:20.000Z","agent":"","login":"","reasons":{}}"#,
];

fn reads<T: DeserializeOwned>(json: &str) -> bool {
    serde_json::from_str::<T>(json).is_ok()
}

/// Which kinds would take this JSON, each asked alone.
fn readers(json: &str) -> [bool; 7] {
    [
        reads::<AgentState>(json),
        reads::<PlaceState>(json),
        reads::<DnState>(json),
        reads::<AgentGroupState>(json),
        reads::<PlaceGroupState>(json),
        reads::<QueueGroupState>(json),
        reads::<ReasonsState>(json),
    ]
}

fn kind(state: &State) -> Option<usize> {
    Some(match state {
        State::Raw { .. } => return None,
        State::Agent(_) => 0,
        State::Place(_) => 1,
        State::Dn(_) => 2,
        State::AgentGroup(_) => 3,
        State::PlaceGroup(_) => 4,
        State::QueueGroup(_) => 5,
        State::Reasons(_) => 6,
    })
}

#[test]
fn json_is_read_by_its_own_kind_only_and_written_back_the_same() {
    for (position, json) in JSONS.into_iter().enumerate() {
        let state: State = serde_json::from_str(json).unwrap();
        let expected = (position / 2).checked_sub(1);
        assert_eq!(kind(&state), expected, "{json}");
        let alone = std::array::from_fn(|kind| Some(kind) == expected);
        assert_eq!(readers(json), alone, "{json}");
        assert_eq!(state.to_json(), json);
    }
}

#[test]
fn json_of_no_kind_or_of_two_is_refused() {
    for json in [
        "null",
        "{}",
        r#"{"raw":"?"}"#,
        r#"{"raw":"AP8H","status":"OnHook"}"#,
        r#"{"status":"","since":"","agent":"","id":"","dns":[],"place":null}"#,
        r#"{"status":"","since":"","agent":"","login":"","reasons":{},"place":null}"#,
        r#"{"group":"","status":"","since":"","agents":[],"places":[]}"#,
        r#"{"group":"","status":"","since":"","agentCount":65536}"#,
        r#"{"status":"","since":"","agent":"","login":"","reasons":{"a":1.5}}"#,
        r#"{"status":"","since":"","agent":"","login":"","reasons":{"a":null}}"#,
    ] {
        assert!(serde_json::from_str::<State>(json).is_err(), "{json}");
    }
}

#[test]
fn a_key_sent_again_keeps_all_its_values_in_order() {
    let text = |text: &str| UserValue::Text(text.to_owned());
    let pairs = [
        ("b", text("1")),
        ("a", UserValue::Int(2)),
        ("b", UserValue::Int(3)),
        ("b", UserValue::List(UserData::default())),
    ];
    let data: UserData = pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    let json = serde_json::to_string(&data).unwrap();
    assert_eq!(json, r#"{"a":2,"b":["1",3,{}]}"#);
    assert_eq!(serde_json::from_str::<UserData>(&json).unwrap(), data);
}

#[test]
fn the_debug_form_tells_no_user_data() {
    let state: State = serde_json::from_str(JSONS[6]).unwrap();
    let debug = format!("{state:?}");
    assert!(debug.contains("UserData(3 keys)"), "{debug}");
    assert!(!debug.contains("Gold"), "{debug}");
}

#[test]
fn numbers_without_a_name_stay_visible() {
    for (code, name, at_queue) in [
        (0, "NotMonitored", "NotMonitored"),
        (2, "LoggedIn", "NotReadyForNextCall"),
        (4, "WaitForNextCall", "WaitForNextCall"),
        (9, "AfterCallWork", "CallWait"),
        (10, "Status10", "CallEntered"),
        (13, "CallOnHold", "WaitForNextCall"),
        (79, "CallWait", "CallWait"),
        (u16::MAX, "Status65535", "Status65535"),
    ] {
        assert_eq!(status_name(code), name);
        assert_eq!(queue_status_name(code), at_queue);
    }
}
