//! Many statistics, and clients that do not keep up.

use std::collections::HashMap;

use super::*;

#[tokio::test(start_paused = true)]
async fn ten_thousand_pipelined_opens_are_answered() {
    let simulator = simulator_of(10_000);
    let client = client(&simulator).await;
    let (mut reader, mut writer) = tokio::io::split(client.stream);
    let statistics = simulator.statistics();
    let mut bytes = BytesMut::new();
    for (id, statistic) in (1..=10_000).zip(&statistics) {
        open(id, &statistic.to_string()).write(Charset::UTF_8, &mut bytes);
    }
    let write = async { writer.write_all(&bytes).await.unwrap() };
    let read = async {
        let mut input = BytesMut::new();
        let mut deframer = Deframer::new(1 << 20);
        let (mut opened, mut values) = (0, 0);
        while opened + values < 20_000 {
            while let Some(packet) = deframer.next(&mut input).unwrap() {
                let Packet::Body(body) = packet else {
                    panic!("no heartbeats were asked for")
                };
                match Message::decode(&body, Charset::UTF_8).unwrap() {
                    Message::Event(event) if event.kind == EventKind::StatisticOpened => {
                        opened += 1;
                    }
                    Message::Event(event) if event.kind == EventKind::Info => values += 1,
                    other => panic!("{other:?}"),
                }
            }
            if opened + values < 20_000 {
                assert!(reader.read_buf(&mut input).await.unwrap() > 0);
            }
        }
        assert_eq!((opened, values), (10_000, 10_000));
    };
    tokio::join!(write, read);
    assert_eq!(simulator.counts(Role::Primary).opens_now, 10_000);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_dropped_before_it_costs_much() {
    let simulator = simulator();
    simulator.set_unsent_max(100_000);
    let mut client = client(&simulator).await;
    let waiting = "CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment";
    client.send(&open(1, waiting)).await;
    let mut round = 0;
    while simulator.counts(Role::Primary).connections_now > 0 {
        round += 1;
        assert!(round < 50_000, "still connected");
        simulator.set(&statistic(waiting), number(&round.to_string()));
        tokio::task::yield_now().await;
    }
    assert_eq!(
        simulator.log().pop().unwrap().detail,
        "the client does not read"
    );
    // The pipe's bytes and the cap's, at some 60 bytes a value.
    assert!(simulator.counts(Role::Primary).values_total < 10_000);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_reading_for_long_is_dropped() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    let waiting = "CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment";
    client.send(&open(1, waiting)).await;
    // More than the pipe holds, far less than the cap.
    while simulator.counts(Role::Primary).opens_now == 0 {
        tokio::task::yield_now().await;
    }
    for round in 0..8_000 {
        simulator.set(&statistic(waiting), number(&round.to_string()));
    }
    let dropped = async {
        while simulator.counts(Role::Primary).connections_now > 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), dropped)
        .await
        .unwrap();
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_whatever_the_centre_does() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    let waiting = "CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment";
    let login = "TotalLoginTime;Agent;KSippola;Environment";
    client.send(&open(1, waiting)).await;
    client.send(&open(2, login)).await;
    for _ in 0..4 {
        client.event().await;
    }
    simulator.set_rate(2_000);
    simulator.run_centre();
    let mut values: HashMap<i32, Vec<i64>> = HashMap::new();
    let told = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let event = client.event().await;
            values.entry(event.id).or_default().push(event.int);
        }
    });
    told.await.unwrap_err();
    // What happens in the centre is told besides.
    let [waiting, login] = [1, 2].map(|id| values.remove(&id).unwrap());
    assert!(
        (9_900..=10_200).contains(&waiting.len()),
        "{}",
        waiting.len()
    );
    assert!((9_900..=10_200).contains(&login.len()), "{}", login.len());
    for told in [waiting, login] {
        assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "told twice");
    }
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rate_beyond_what_the_client_reads_drops_nobody() {
    let simulator = simulator();
    simulator.set_unsent_max(4_000_000);
    let mut client = client(&simulator).await;
    client
        .ask(open(
            1,
            "CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment",
        ))
        .await;
    client.event().await;
    simulator.set_rate(1_000_000);
    simulator.run_centre();
    tokio::time::advance(Duration::from_secs(5)).await;
    for _ in 0..50_000 {
        client.event().await;
    }
    assert_eq!(simulator.counts(Role::Primary).connections_now, 1);
    simulator.stop().await;
}
