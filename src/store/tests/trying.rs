//! What ends a process that opens the store does not end the service.

use super::*;
use crate::store::{Trial, open_watched};

fn open_after_trial(config: &Config, clock: &Clock, trial: &Trial) -> Result<Opened, Error> {
    open_watched(config, clock, Some(trial), &mut |_| {
        ControlFlow::Continue(())
    })
}

fn trial(script: &str) -> Trial {
    Trial {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned(), "trial".to_owned()],
        patience: Duration::from_secs(30),
    }
}

fn make(path: &Path) {
    let opened = open_at(path);
    opened.writer.record([registered(0), sampled(0, 1)]);
    opened.writer.close().unwrap();
}

#[test]
fn nothing_is_tried_after_an_opening_that_ended() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let tried = dir.path().join("tried");
    let script = format!("touch {}", tried.display());
    let open = || open_after_trial(&config(dir.path()), &clock(), &trial(&script)).unwrap();
    open().writer.close().unwrap();
    open().writer.close().unwrap();
    assert!(!tried.exists());
    // An opening that came to no end.
    fs::write(dir.path().join("opening"), "").unwrap();
    let opened = open();
    assert!(tried.exists());
    assert_eq!(opened.report.damaged, Vec::<String>::new());
    assert_eq!(number_of(&loaded_at(&opened.loaded, 0)), Some(1));
    opened.writer.close().unwrap();
    assert!(!dir.path().join("opening").exists());
}

#[test]
fn a_store_of_which_the_other_process_dies_is_set_aside() {
    for script in ["kill -ABRT $$", "while :; do :; done"] {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        fs::write(dir.path().join("opening"), "").unwrap();
        // It dies of the first store, not of the one that replaces it.
        let script =
            format!("test -e $1/seen && exit; test -e $1/now/snap.* || touch $1/seen; {script}");
        let mut trial = trial(&script);
        trial.patience = Duration::from_secs(2);
        let stop = Config {
            on_corruption: OnCorruption::Stop,
            ..config(dir.path())
        };
        if script.contains("ABRT") {
            let dying = Trial {
                arguments: vec!["-c".to_owned(), "kill -ABRT $$".to_owned()],
                ..trial.clone()
            };
            let refused = open_after_trial(&stop, &clock(), &dying).map(|_| ());
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("signal"), "{refused}");
            let marker = dir.path().join("opening");
            assert!(marker.exists(), "the next start must not die of it");
        }
        let opened = open_after_trial(&config(dir.path()), &clock(), &trial).unwrap();
        assert!(opened.report.set_aside.is_some(), "{:?}", opened.report);
        assert!(opened.report.restored, "{:?}", opened.report);
        assert_eq!(number_of(&loaded_at(&opened.loaded, 0)), Some(1));
        opened.writer.close().unwrap();
        assert!(!dir.path().join("opening").exists());
    }
}
