//! As many statistics as the largest sites have, over loopback. Optimised builds open them all and
//! print their figures; others a sixtieth, for whether it works.

use tokio::time::Instant;

use super::*;

const STATISTICS: u32 = if cfg!(debug_assertions) {
    20_000
} else {
    1_200_000
};
/// What an optimised build is held to on two cores that it shares with its client; others are given
/// as much for their sixtieth.
const CREATION_MAX: Duration = Duration::from_secs(5);
const OPENING_MAX: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statistic_of_a_large_site_is_opened_in_seconds() {
    let config = Config {
        seed: 42,
        speed: 10.0,
        statistics: STATISTICS,
        tenant_passwords: Vec::new(),
        version: "8.5.112.03".to_owned(),
    };
    let start = Instant::now();
    let simulator = Simulator::new(config, Clock::system());
    let creation = start.elapsed();
    let after_creation = memory();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let address = simulator.listen(Role::Primary, any).await.unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let client = Client::registered(stream).await;
    let (mut reader, mut writer) = client.stream.into_split();

    let start = Instant::now();
    let write = async {
        let mut bytes = BytesMut::new();
        for (id, statistic) in (1..).zip(simulator.catalogue.statistics()) {
            let open = Request::Open {
                reference_id: id,
                tag: None,
                object: object(&statistic, ""),
                metric: statistic.metric().to_owned().into(),
                notification: Notification::of(NotificationMode::Immediate),
                refinements: Refinements::default(),
            };
            open.write(Charset::UTF_8, &mut bytes);
            if bytes.len() > 256 << 10 {
                writer.write_all(&bytes.split()).await.unwrap();
            }
        }
        writer.write_all(&bytes).await.unwrap();
    };
    let total = simulator.catalogue.statistics().count();
    let read = async {
        let mut input = BytesMut::new();
        let mut deframer = Deframer::new(1 << 20);
        let (mut opened, mut values) = (0, 0);
        while opened < total || values < total {
            input.reserve(256 << 10);
            assert!(reader.read_buf(&mut input).await.unwrap() > 0);
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
        }
        assert_eq!((opened, values), (total, total));
    };
    tokio::join!(write, read);
    let opening = start.elapsed();
    println!(
        "{total} statistics: created in {creation:.2?} ({after_creation}), \
         opened in {opening:.2?} ({})",
        memory()
    );
    assert!(creation < CREATION_MAX, "{creation:?}");
    assert!(opening < OPENING_MAX, "{opening:?}");
    simulator.stop().await;
}

/// What this process has resident, where the system says so.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find(|line| line.starts_with("VmRSS"));
    resident.unwrap_or("memory unknown").replace('\t', " ")
}
