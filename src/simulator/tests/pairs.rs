//! Several pairs in front of one contact centre, and the log that they share.

use super::*;

const LOGIN: &str = "TotalLoginTime;Agent;KSippola;Environment";
const WAITING: &str = "CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment";

fn pair(name: &str, stat_types: &[&str]) -> PairConfig {
    PairConfig {
        name: name.to_owned(),
        stat_types: stat_types.iter().map(ToString::to_string).collect(),
    }
}

fn config() -> Config {
    Config {
        seed: 42,
        speed: 1.0,
        statistics: 100,
        tenant_passwords: Vec::new(),
        version: "8.5.112.03".to_owned(),
    }
}

fn simulator_with(pairs: Vec<PairConfig>) -> Result<Arc<Simulator>, UnknownStatType> {
    let clock = Clock::set_at(Timestamp(1_700_000_000_000));
    Simulator::with(config(), Model::default(), pairs, clock)
}

#[tokio::test(start_paused = true)]
async fn each_pair_defines_its_own_stat_types_of_one_centre() {
    let agents = pair("Agents", &["TotalLoginTime", "CurrentReadyAgents"]);
    let queues = pair("Queues", &["CurrNumberWaitingCalls", "CurrentReadyAgents"]);
    let simulator = simulator_with(vec![agents, queues]).unwrap();
    let queues = simulator.pair("Queues").unwrap();
    assert_eq!(simulator.pair("Agents"), Some(PairId::FIRST));
    assert_eq!(simulator.pair("Chats"), None);
    let connect = |server: ServerId| Client::registered(simulator.connect(server).unwrap());
    let mut first = connect(Role::Primary.into()).await;
    let mut second = connect(queues.server(Role::Primary)).await;
    for (client, own, others) in [(&mut first, LOGIN, WAITING), (&mut second, WAITING, LOGIN)] {
        let profile = Request::Profile {
            reference_id: 1,
            tag: None,
            kind: ProfileKind::StatTypes,
        };
        assert_eq!(client.ask(profile).await.profile.unwrap().0.len(), 2);
        let metric = others.split(';').next().unwrap();
        let refused = client.ask(open(2, others)).await;
        assert_eq!(refused.kind, EventKind::Error);
        assert_eq!(refused.text, format!("Statistic type '{metric}' not found"));
        let opened = client.ask(open(3, own)).await;
        assert_eq!(opened.kind, EventKind::StatisticOpened);
        client.event().await;
    }
    let ready = statistic("CurrentReadyAgents;GroupAgents;Team_1;Environment");
    let value = simulator.value(Role::Primary, &ready);
    assert!(value.is_some());
    assert_eq!(value, simulator.value(queues.server(Role::Backup), &ready));
    let of_queues = simulator.statistics_of(queues);
    assert!(of_queues.contains(&ready) && !of_queues.contains(&statistic(LOGIN)));

    simulator.order("Queues: kill primary").unwrap();
    let unknown = simulator.order("Chats: kill primary").unwrap_err();
    assert_eq!(unknown.to_string(), "there is no pair 'Chats'");
    assert_eq!(second.said().await, Said::End);
    assert!(simulator.connect(Role::Primary).is_ok());
    assert_eq!(
        simulator.counts(queues.server(Role::Primary)).opens_total,
        1
    );
    assert_eq!(simulator.counts(Role::Primary).connections_now, 2);
    let of_pair = |entry: &LogEntry| entry.pair == queues && entry.kind == LogKind::Open;
    assert_eq!(simulator.log_count(of_pair), 2);
    let opens = simulator.log_where(of_pair).into_iter();
    assert_eq!(
        opens.map(|entry| entry.statistic).collect::<Vec<_>>(),
        [LOGIN, WAITING]
    );
    simulator.stop().await;
}

#[test]
fn a_stat_type_that_cannot_be_simulated_is_named() {
    let error = simulator_with(vec![pair("Chats", &["TotalLoginTime", "ChatMood"])]).unwrap_err();
    assert!(error.to_string().contains("'ChatMood'"), "{error}");
}

fn number_of(value: &Value) -> f64 {
    match value {
        Value::Integer(number) => f64::from(i32::try_from(*number).unwrap()),
        Value::Decimal(digits) => digits.parse().unwrap(),
        other => panic!("not a number: {other:?}"),
    }
}

/// One instant's values of a server that has run for two hours tell one story.
#[tokio::test(start_paused = true)]
async fn every_documented_statistic_comes_from_the_one_model() {
    let clock = Clock::set_at(Timestamp(1_700_000_000_000));
    let config = Config {
        speed: 10.0,
        ..config()
    };
    let simulator = Simulator::new(config, clock);
    simulator.run_centre();
    tokio::time::advance(Duration::from_secs(721)).await;
    let read = |metric: &str, object: &str| {
        let statistic = statistic(&format!("{metric};{object};Environment"));
        simulator.value(Role::Primary, &statistic).unwrap()
    };
    let queue_of = |metric: &str| {
        let value = read(metric, "Queue;9001@SIP_Switch");
        number_of(&value)
    };
    let entered = queue_of("Total_Calls_Entered");
    let ended = queue_of("Total_Calls_Answered") + queue_of("Total_Abandoned");
    let waiting = queue_of("CurrNumberWaitingCalls");
    // Those who waited when the server started have not entered since, but have ended.
    assert!((entered - ended - waiting).abs() <= 5.0 && entered > 300.0);
    assert!((20.0..=100.0).contains(&queue_of("Service_Level")));
    assert!((100.0..400.0).contains(&queue_of("AverageHandlingTime")));
    let ready = queue_of("CurrentReadyAgents");
    assert_eq!(
        read("CurrentReadyAgents", "GroupAgents;Team_1"),
        Value::from_text(&ready.to_string())
    );
    assert_eq!(ready > 0.0, queue_of("ExpectedWaitTime") == 0.0);

    assert_eq!(
        read("TotalLoginTime", "Agent;KSippola"),
        Value::Integer(7210)
    );
    let Value::State(state) = read("CurrentAgentState", "Agent;KSippola") else {
        panic!("a state is no number");
    };
    let crate::model::State::Agent(agent) = &*state else {
        panic!("not an agent: {state:?}");
    };
    assert_eq!(agent.agent, "KSippola");
    let in_state = read("TimeInCurrentState", "Agent;KSippola");
    assert!(number_of(&in_state) < 7210.0);
    simulator.stop().await;
}
