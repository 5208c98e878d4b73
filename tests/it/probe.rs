//! `peekd probe`: what it tells of a Stat Server, in clear text and behind TLS.

use std::process::Output;

use peekd::simulator::{Command, Role};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Pair, login_time};
use crate::tls::{NAME, authority, serve_tls};

async fn probe(arguments: &[&str]) -> Output {
    tokio::process::Command::new(env!("CARGO_BIN_EXE_peekd"))
        .arg("probe")
        .args(arguments)
        .output()
        .await
        .unwrap()
}

async fn report(arguments: &[&str]) -> Value {
    let output = probe(arguments).await;
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn messages_named<'a>(report: &'a Value, name: &'a str) -> impl Iterator<Item = &'a Value> {
    let messages = report["messages"].as_array().unwrap().iter();
    messages.filter(move |message| message["name"] == name)
}

/// What any working server of the simulator makes of a probe.
fn is_complete(report: &Value) {
    assert_eq!(report["version"], "8.5.112.03");
    assert_eq!(report["compat"], 61);
    assert!(report["failure"].is_null());
    for part in ["connectedInSeconds", "registeredInSeconds"] {
        assert!(report[part].as_f64().unwrap() > 0.0, "{part}");
    }
    for kind in ["StatTypes", "TimeProfiles", "Filters", "TimeRanges"] {
        let list = &report["profiles"][kind];
        assert!(list["tookSeconds"].as_f64().unwrap() > 0.0, "{kind}");
        assert!(list["entries"].is_object(), "{kind}: {list}");
    }
    assert!(report["profiles"]["StatTypes"]["entries"]["TotalLoginTime"].is_string());
    assert_eq!(
        report["addp"]["roundTripsSeconds"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    assert_eq!(report["addp"]["version"], 0x200);
    assert!(report["addp"]["initAnswer"].is_number());
    assert_eq!(messages_named(report, "EventStatisticProfile").count(), 4);
    let registered = messages_named(report, "EventRegistered").next().unwrap();
    assert_eq!(registered["id"], 11);
    let version = registered["attributes"].as_array().unwrap().iter();
    let version: Vec<&Value> = version.filter(|attribute| attribute["id"] == 26).collect();
    assert_eq!(version[0]["name"], "StringValue");
    assert_eq!(version[0]["letter"], "s");
    assert_eq!(version[0]["value"], "8.5.112.03");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_tells_everything_a_server_says() {
    let pair = Pair::start().await;
    pair.simulator.command(Command::BackupMode(Role::Primary));
    let statistic = login_time().to_string();
    let told = report(&[&pair.primary, "--json", "--open", &statistic]).await;
    is_complete(&told);
    let [mode] = told["modes"].as_array().unwrap().as_slice() else {
        panic!("the mode is told once: {}", told["modes"]);
    };
    assert_eq!(
        (&mode["code"], &mode["readsAs"]),
        (&1.into(), &"Backup".into())
    );
    assert_eq!(mode["beforeRegistration"], false);
    let trial = &told["trial"];
    assert!(trial["acknowledgedInSeconds"].as_f64().unwrap() > 0.0);
    assert!(trial["firstValueInSeconds"].as_f64().unwrap() > 0.0);
    assert_eq!(trial["isValueFirst"], false);
    assert_eq!(trial["peek"]["underTheOpen"], true);
    assert_eq!(trial["closed"]["namesTheStatistic"], true);
    assert!(trial["values"].as_array().unwrap().len() >= 2, "{trial}");
    assert!(trial["values"][0].is_number(), "{trial}");
    let counts = pair.simulator.counts(Role::Primary);
    assert_eq!((counts.opens_total, counts.opens_now), (1, 0));

    let output = probe(&[&pair.primary, "--open", "Nonsense;Agent;Nobody;Environment"]).await;
    assert!(
        output.status.success(),
        "a refusal is an answer: {output:?}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    for told in [
        "version        8.5.112.03",
        "mode           1 (Backup)",
        "addp polls     5 answered",
        "  refused      ",
        ": 11 EventRegistered, at ",
        "   26 StringValue            s text     \"8.5.112.03\"",
    ] {
        assert!(text.contains(told), "{told} is not in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_tells_why_it_ended_and_what_it_learnt_until_then() {
    let pair = Pair::start().await;
    pair.simulator.command(Command::Refuse(Role::Primary));
    let output = probe(&[&pair.primary, "--json"]).await;
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failure = told["failure"].as_str().unwrap();
    assert!(failure.starts_with("the server refused: "), "{failure}");
    assert_eq!(messages_named(&told, "EventError").count(), 1);

    let output = probe(&[&pair.backup, "--charset", "klingon"]).await;
    assert_eq!(output.status.code(), Some(2));
    let output = probe(&[&pair.backup, "--ca-file", "authority.pem"]).await;
    assert_eq!(
        output.status.code(),
        Some(2),
        "a file without --tls is a mistake"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_speaks_tls_and_says_what_it_needs_for_it() {
    let folder = TempDir::new().unwrap();
    let (ours, foreign) = (
        folder.path().join("ours.pem"),
        folder.path().join("foreign.pem"),
    );
    let issuer = authority(&ours);
    authority(&foreign);
    let pair = Pair::start().await;
    let address = serve_tls(&issuer, pair.simulator.clone()).await;
    let [ours, foreign] = [&ours, &foreign].map(|path| path.display().to_string());

    let named = ["--tls", "--server-name", NAME, "--json", "--ca-file"];
    let trusting = [&[address.as_str()], &named[..], &[&ours]].concat();
    is_complete(&report(&trusting).await);

    for arguments in [
        [&[address.as_str()], &named[..], &[&foreign]].concat(),
        vec![&address, "--tls", "--ca-file", &ours],
    ] {
        let output = probe(&arguments).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("certificate"), "{said}");
    }

    let output = probe(&[&address, "--tls"]).await;
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--tls needs --ca-file FILE"), "{said}");
}
