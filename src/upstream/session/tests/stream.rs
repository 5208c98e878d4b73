//! A byte stream means the same however it is cut, and no bytes make a session panic.

use proptest::prelude::*;

use super::super::super::subscription::Link;
use super::*;

const NAMES: [&str; 4] = ["q1", "q2", "q3", "n1"];

/// What a server might say, sensible or not.
fn saying() -> impl Strategy<Value = String> {
    let kinds = prop::sample::select(vec![
        "error",
        "value",
        "opened",
        "closed",
        "valid",
        "invalid",
        "profile",
        "mode",
        "target",
        "registered",
    ]);
    (kinds, 0..16_i32, 0..16_i32)
        .prop_map(|(kind, number, operand)| format!("{kind} {number} {operand}"))
}

/// What may happen to a session, in any order.
fn happening() -> impl Strategy<Value = String> {
    let name = prop::sample::select(NAMES.to_vec());
    let span = prop::sample::select(vec!["1ms", "100ms", "1s", "10s", "30s"]);
    prop_oneof![
        8 => saying(),
        3 => name.clone().prop_map(|name| format!("fetch {name} t")),
        1 => name.clone().prop_map(|name| format!("fetch {name} t other")),
        1 => name.clone().prop_map(|name| format!("want {name}")),
        1 => name.prop_map(|name| format!("close {name}")),
        2 => span.prop_map(|span| format!("wait {span}")),
    ]
}

fn stream_of(sayings: &[String]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for saying in sayings {
        let words: Vec<&str> = saying.split(' ').collect();
        event(words[0], &words[1..]).write(Charset::UTF_8, &mut bytes);
        bytes.extend_from_slice(b"p2P\0\0\x01");
    }
    bytes
}

fn opened() -> Bench {
    let mut bench = Bench::registered(1000);
    for name in NAMES {
        bench.act(&format!("fetch {name} t-{name}"));
    }
    bench
}

/// What is said and told because of these bytes, read in pieces of at most these lengths; and, in no
/// order, what callers hear, some of them at once and some with the events.
fn outcome(bytes: &BytesMut, cuts: &[usize]) -> [Vec<String>; 3] {
    let mut bench = opened();
    let (mut rest, mut inbox) = (bytes.clone(), BytesMut::new());
    let (mut said, mut events) = (Vec::new(), Vec::new());
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        inbox.extend_from_slice(&rest.split_to(cut.min(rest.len())));
        bench.hear_bytes(&mut inbox).unwrap();
        said.extend(bench.said());
        events.extend(bench.events());
    }
    let mut told = std::mem::take(&mut *bench.told.lock().unwrap());
    told.sort();
    [said, events, told]
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_it_means_the_same(
        sayings in prop::collection::vec(saying(), 0..20),
        cuts in prop::collection::vec(1..60_usize, 0..60),
    ) {
        let bytes = stream_of(&sayings);
        prop_assert_eq!(outcome(&bytes, &cuts), outcome(&bytes, &[]));
    }

    #[test]
    fn no_bytes_make_a_session_panic(
        sayings in prop::collection::vec(saying(), 0..8),
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        tail in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = stream_of(&sayings);
        for (at, byte) in noise {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes.extend_from_slice(&tail);
        let mut bench = opened();
        if bench.hear_bytes(&mut bytes).is_err() {
            bench.session.disconnected();
        }
        bench.said();
    }

    /// After any history the books agree with each other, and nothing is left once all is lost.
    #[test]
    fn nothing_leaks_whatever_happens(happenings in prop::collection::vec(happening(), 0..60)) {
        let mut bench = Bench::registered(2);
        for happening in &happenings {
            bench.act(happening);
        }
        let session = &bench.session;
        let connection = session.connection.as_ref().unwrap();
        let held: Vec<i32> = session.subscriptions.values()
            .flat_map(Subscription::references)
            .collect();
        for number in &held {
            prop_assert!(connection.references.contains(*number), "{} is unknown", number);
        }
        let others = connection.references.values().filter(|reference| {
            matches!(reference, Reference::Get { .. } | Reference::Profile(_))
        });
        prop_assert_eq!(connection.references.len(), held.len() + others.count());
        let links = session.subscriptions.values().map(|found| &found.link);
        let idle = links.filter(|link| matches!(link, Link::Idle));
        prop_assert_eq!(session.open_count(), session.subscriptions.len() - idle.count());
        let links = session.subscriptions.values().map(|found| &found.link);
        let open = links.filter(|link| matches!(link, Link::Open { .. } | Link::Closing { .. }));
        prop_assert_eq!(session.acknowledged_count(), open.count());
        prop_assert!(session.backlog.len() + session.retries.len() <= 2 * NAMES.len());
        let tickets = Arc::strong_count(&bench.told) - 1;
        bench.act("disconnect");
        prop_assert_eq!(Arc::strong_count(&bench.told), 1, "{} tickets were held", tickets);
    }
}
