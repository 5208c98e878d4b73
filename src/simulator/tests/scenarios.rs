//! Scenario files: those shipped, those wrong, and the playing of one.

use super::*;
use crate::simulator::scenario::Scenario;

fn config() -> Config {
    Config {
        seed: 1,
        speed: 1.0,
        statistics: 100,
        tenant_passwords: Vec::new(),
        version: "8.5.112.03".to_owned(),
    }
}

#[test]
fn every_shipped_scenario_can_be_played() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/data/scenarios");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let scenario: Scenario = text
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let clock = Clock::set_at(Timestamp(1_700_000_000_000));
        scenario.simulator(config(), clock).unwrap();
        names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["day", "day-10k", "flapping", "outage"]);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (text, line, says) in [
        ("[centre]\nspeeed = 2\n", 2, "speeed"),
        ("[centre]\nspeed = 0\n", 2, "the speed lies above 0"),
        (
            "\n[[at]]\ntime = \"1s\"\ndo = \"die primary\"\n",
            4,
            "'die primary' is not a command",
        ),
        (
            "[[at]]\ntime = \"soon\"\ndo = \"restore\"\n",
            2,
            "'soon' is no time",
        ),
        (
            "[[at]]\ntime = \"1s\"\ndo = \"Chat: restore\"\n",
            3,
            "no pair 'Chat'",
        ),
        (
            "[[pair]]\nname = \"A\"\nstat_types = [\"Mood\"]\n",
            3,
            "no stat type 'Mood'",
        ),
        (
            "[[pair]]\nname = \"A\"\n[[pair]]\nname = \"A\"\n",
            4,
            "another pair",
        ),
        ("[model]\nday_curve = []\n", 2, "a day has"),
        ("[model]\npatience = \"ages\"\n", 2, "'ages' is no time"),
        (
            "repeat = \"1s\"\n[[at]]\ntime = \"2s\"\ndo = \"restore\"\n",
            1,
            "repeat lies after",
        ),
    ] {
        let error = text.parse::<Scenario>().unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
        assert!(error.contains(&format!("line {line}")), "{text}: {error}");
    }
}

#[test]
fn the_model_can_be_chosen_in_words() {
    let text = "[model]\nday_curve = [1]\nservice = \"178s\"\npatience = \"off\"\n\
        after_call = \"off\"\nringing = false\nbreaks = false\nshifts = false\n";
    let scenario: Scenario = text.parse().unwrap();
    assert_eq!(scenario.model, Model::erlang_c(Duration::from_secs(178)));
    let usual: Scenario = "[model]\nservice = \"recorded\"\n".parse().unwrap();
    assert_eq!(usual.model, Model::default());
}

#[tokio::test(start_paused = true)]
async fn a_script_is_played_at_its_times_and_again() {
    let text = "repeat = \"10s\"\n\
        [[at]]\ntime = \"7s\"\ndo = \"restore backup\"\n\
        [[at]]\ntime = \"4s\"\ndo = \"kill backup\"\n";
    let scenario: Scenario = text.parse().unwrap();
    let clock = Clock::set_at(Timestamp(1_700_000_000_000));
    let simulator = scenario.simulator(config(), clock).unwrap();
    simulator.play(&scenario);
    let start = tokio::time::Instant::now();
    for round in 0..3_u32 {
        for (at_s, is_alive) in [(3, true), (5, false), (8, true)] {
            let at = Duration::from_secs(10) * round + Duration::from_secs(at_s);
            tokio::time::sleep_until(start + at).await;
            let is_there = simulator.connect(Role::Backup).is_ok();
            assert_eq!(is_there, is_alive, "at {at:?}");
        }
        assert!(simulator.connect(Role::Primary).is_ok());
    }
    simulator.stop().await;
}
