//! `peekd top` in a terminal of its own, before a service that dies.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::harness::{PATIENCE, Pair, World, login_time};
use crate::process::Process;
use crate::terminal::Terminal;

fn top(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peekd"));
    let url = format!("http://{address}");
    command
        .args(["top", "--user", "default", "--url", &url])
        .env("PEEKD_PASSWORD", "password");
    command
}

/// An address that stays while services come and go: what connects is led to the present one.
async fn lasting(present: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::task::spawn_local(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let address = present.lock().unwrap().clone();
            tokio::task::spawn_local(async move {
                if let Ok(mut service) = TcpStream::connect(address).await {
                    // Either side may end it at any time.
                    drop(tokio::io::copy_bidirectional(&mut client, &mut service).await);
                }
            });
        }
    });
    address
}

/// Whether the statistic's row is selected and ends with this quality.
fn is_selected(lines: &[String], quality: &str) -> bool {
    let name = login_time().to_string();
    let mut rows = lines.iter().filter(|line| line.contains(&name));
    rows.any(|line| line.starts_with('>') && line.ends_with(quality))
}

#[tokio::test]
async fn a_view_outlives_the_service_and_never_shows_an_old_value_as_fresh() {
    let test = async {
        let pair = Pair::start().await;
        let folder = TempDir::new().unwrap();
        let open = Pair::opening([login_time()]);
        let process = Process::start(&pair, folder.path(), &open).await;
        let present = Arc::new(Mutex::new(process.address.clone()));
        let address = lasting(Arc::clone(&present)).await;

        let mut terminal = Terminal::start(&mut top(&address));
        let connected = |lines: &[String]| {
            lines[0].starts_with("peekd top: connected to") && is_selected(lines, " good")
        };
        let lines = terminal.until(connected).await;
        assert!(lines[1].starts_with("1 known: 1 good"), "{lines:#?}");
        terminal
            .until(|lines| lines[2].starts_with("StatServer: connected, primary "))
            .await;
        // Pinned: a line of its own above the list.
        terminal.press(" ");
        terminal
            .until(|lines| {
                lines
                    .iter()
                    .any(|line| line.starts_with("* TotalLoginTime"))
            })
            .await;

        process.kill_after(Duration::ZERO).await;
        // The header comes first and the list last.
        let lines = terminal
            .until(|lines| {
                let is_told = lines[0].starts_with("NO CONNECTION since ");
                is_told && is_selected(lines, " unconfirmed")
            })
            .await;
        assert!(
            !lines.iter().any(|line| line.ends_with(" good")),
            "{lines:#?}"
        );

        let process = Process::start(&pair, folder.path(), &open).await;
        present.lock().unwrap().clone_from(&process.address);
        terminal
            .until(|lines| {
                lines[0].starts_with("peekd top: connected to") && is_selected(lines, " good")
            })
            .await;
        terminal.press("q");
        let (code, lines) = terminal.end().await;
        assert_eq!((code, lines.join("")), (Some(0), String::new()));
        process.terminate().await;
    };
    tokio::task::LocalSet::new().run_until(test).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_and_keys_put_the_terminal_back() {
    let mut world = World::start_with(&Pair::opening([login_time()])).await;
    let drawn = |lines: &[String]| is_selected(lines, " good");
    for end in ["-TERM", "-INT", "\u{3}", "\u{1b}"] {
        let mut terminal = Terminal::start(&mut top(&world.address));
        terminal.until(drawn).await;
        if end.starts_with('-') {
            let id = terminal.child.id().unwrap().to_string();
            let sent = Command::new("kill").args([end, &id]).status().await;
            assert!(sent.unwrap().success());
        } else {
            terminal.press(end);
        }
        let (code, lines) = terminal.end().await;
        assert_eq!((code, lines.join("")), (Some(0), String::new()), "{end:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_is_told_and_takes_no_terminal() {
    let mut world = World::start().await;
    let mut wrong = top(&world.address);
    let wrong = wrong.env("PEEKD_PASSWORD", "guess");
    let (code, lines) = Terminal::start(wrong).end().await;
    assert_eq!(code, Some(1));
    assert!(
        lines.join("").starts_with("peekd: 401 Unauthorized"),
        "{lines:#?}"
    );

    let mut piped = top(&world.address);
    let piped = piped.stdin(Stdio::null()).output();
    let output = tokio::time::timeout(PATIENCE, piped)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("`peekd peek`") && words.contains("`peekd inspect last`"),
        "{words}"
    );
    assert_eq!(output.stdout, b"");
    world.stop().await;
}
