//! Configuration files, good and bad.

use std::path::Path;
use std::time::Duration;

use super::*;

fn faults(text: &str) -> Vec<(usize, String)> {
    let faults = Settings::parse(text, Path::new("")).unwrap_err();
    faults
        .into_iter()
        .map(|fault| (fault.line, fault.text))
        .collect()
}

#[test]
fn a_pair_is_all_that_must_be_said() {
    let text = "[[stat_server]]\nname = 'S'\nprimary = '127.0.0.1:7100'\n";
    let settings = Settings::parse(text, Path::new("/etc/peekd")).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.store.path, Path::new("/etc/peekd/peekd-store"));
    assert!(settings.http.internal.on_main);
}

#[test]
fn the_example_file_says_the_defaults() {
    let example = include_str!("../../../data/config.example.toml");
    let shown = Settings::parse(example, Path::new("")).unwrap();
    let text = "[[stat_server]]\nname = 'StatServer'\nprimary = '127.0.0.1:7100'\n\
                    backup = '127.0.0.1:7101'\n[stat_server.addp]\n";
    let mut default = Settings::parse(text, Path::new("")).unwrap();
    // The example opens one statistic and names one user, to show how.
    default.open.clone_from(&shown.open);
    default.http.users.clone_from(&shown.http.users);
    assert_eq!(format!("{shown:#?}"), format!("{default:#?}"));
}

#[test]
fn every_fault_is_told_at_once_with_its_line() {
    let text = "\
[store]
flush_interval = 'soon'
colour = 'blue'

[http]
listen = '0.0.0.0:8080'
[[http.auth.users]]
name = 'a:b'
password_hash = 'hunter2'

[[stat_server]]
name = 'S'
primary = 'localhost'
charset = 'klingon'
[stat_server.addp]
local_timeout = '1ms'

[[open]]
statistic = 'a;b'
";
    let found = faults(text);
    let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 6, 8, 9, 13, 14, 15, 19], "{found:#?}");
    assert!(
        !format!("{found:?}").contains("hunter2"),
        "a secret is never echoed"
    );
}

#[test]
fn a_certificate_lets_users_in_from_the_network() {
    let folder = tempfile::TempDir::new().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["x".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    fs::write(folder.path().join("cert.pem"), certificate).unwrap();
    fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    let with = |tls: &str| {
        let text = format!(
            "[http]\nlisten = '10.0.0.5:8443'\n{tls}\n[[http.auth.users]]\nname = 'a'\n\
             password_hash = '{}'\n[[stat_server]]\nname = 'S'\nprimary = '127.0.0.1:7100'\n",
            api::auth::hash_password("x")
        );
        Settings::parse(&text, folder.path())
    };
    let both = with("tls_certificate = 'cert.pem'\ntls_key = 'key.pem'").unwrap();
    assert!(both.http.tls.is_some());
    for (tls, fault) in [
        ("", "passwords would cross the network in clear text"),
        ("tls_certificate = 'cert.pem'", "are set together"),
        (
            "tls_certificate = 'key.pem'\ntls_key = 'key.pem'",
            "holds no certificate",
        ),
        (
            "tls_certificate = 'cert.pem'\ntls_key = 'no.pem'",
            "the key file cannot be read",
        ),
    ] {
        let faults = with(tls).unwrap_err();
        assert!(
            faults.iter().any(|found| found.text.contains(fault)),
            "{tls}: {faults:?}"
        );
    }
}

#[test]
fn a_table_at_fault_does_not_hide_the_faults_after_it() {
    let text = "\
[[http.auth.users]]
name = 'x'

[htp]
x = 1
[[stat_server]]
primary = 'h:1'
[stat_server.addp]
trace = 'loud'
[[stat_server]]
name = 7
primary = 'h:1'
[peek]
deadline = '100000000000years'
idle_close = '0s'
[http.limits]
connections = 0
body = '0B'
[http.auth]
open = ['statistics']
[http.cors]
origins = ['https://wall.example/']
";
    let found = faults(text);
    let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(
        lines,
        [1, 4, 6, 9, 11, 14, 15, 17, 18, 20, 22],
        "{found:#?}"
    );
}

#[test]
fn a_listener_has_a_thread_for_each_core_or_as_many_as_are_set() {
    let with = |threads: &str| {
        let pair = "[[stat_server]]\nname = 'S'\nprimary = 'h:1'\n";
        Settings::parse(&format!("[http]\n{threads}\n{pair}"), Path::new(""))
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(with("").unwrap().http.threads, cores);
    assert_eq!(with("threads = 1").unwrap().http.threads, 1);
    assert_eq!(with("threads = 1024").unwrap().http.threads, 1024);
    for (wrong, told) in [
        ("threads = 0", "between 1 and 1024"),
        ("threads = 1025", "between 1 and 1024"),
        ("threads = -1", "-1"),
        ("threads = 'all'", "\"all\""),
    ] {
        let faults = with(wrong).unwrap_err();
        let [fault] = &faults[..] else {
            panic!("{wrong}: {faults:?}");
        };
        assert_eq!(fault.line, 2, "{wrong}");
        assert!(fault.text.contains(told), "{wrong}: {}", fault.text);
    }
}

#[test]
fn a_pair_can_be_told_more() {
    let text = "\
[[stat_server]]
name = 'S'
primary = 'h:1'
return_to_primary = true
switchover_min_interval = '2m'
profile_refresh = '10s'
[stat_server.addp]
trace = 'both'
[[stat_server]]
name = 'T'
primary = 'h:2'
[stat_server.addp]
trace = 'local'
";
    let settings = Settings::parse(text, Path::new("")).unwrap();
    let [first, second] = &settings.stat_servers[..] else {
        panic!("two pairs");
    };
    let (addp, other) = (first.session.addp.unwrap(), second.session.addp.unwrap());
    assert!(addp.local_trace && addp.remote_trace);
    assert!(other.local_trace && !other.remote_trace);
    assert!(first.return_to_primary && !second.return_to_primary);
    assert_eq!(first.switchover_min_interval, Duration::from_mins(2));
    assert_eq!(first.session.profile_refresh, Duration::from_secs(10));
    assert_eq!(second.session.profile_refresh, Duration::from_mins(10));

    let hasty = text.replace("'10s'", "'9s'").replace("'2m'", "'0s'");
    let lines: Vec<usize> = faults(&hasty).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [5, 6]);
}

#[test]
fn a_password_that_is_no_text_or_no_hash_is_told_and_not_shown() {
    let head = "[[stat_server]]\nname = 'S'\nprimary = 'h:1'\n[[http.auth.users]]\nname = 'x'\n";
    for hash in ["4711", "'4711'", "'$argon2id$4711'"] {
        let found = faults(&format!("{head}password_hash = {hash}\n"));
        assert_eq!(found.first().map(|(line, _)| *line), Some(6), "{found:?}");
        assert!(!format!("{found:?}").contains("4711"), "{found:?}");
    }
}

#[test]
fn a_missing_pair_is_a_fault_of_no_line() {
    let found = faults("");
    assert_eq!(found.len(), 1);
    assert_eq!(found.first().unwrap().0, 0);
}
