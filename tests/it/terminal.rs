//! A terminal of our own: `peekd top` runs in it, and the test reads what is on its screen.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::harness::PATIENCE;

const COLUMNS: usize = 120;
const ROWS: usize = 24;

/// A program in a terminal.
pub(crate) struct Terminal {
    master: File,
    pub(crate) child: Child,
    output: mpsc::Receiver<Vec<u8>>,
    screen: Screen,
}

/// What stands on the screen, as far as the sequences go that are used here.
#[derive(Debug)]
struct Screen {
    cells: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// Bytes of a sequence or character that is not complete.
    rest: Vec<u8>,
    /// Whether the program draws on the screen that goes when it ends.
    is_alternate: bool,
}

impl Terminal {
    pub(crate) fn start(command: &mut Command) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: u16::try_from(ROWS).unwrap(),
            ws_col: u16::try_from(COLUMNS).unwrap(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || {
            let name = name.to_str().unwrap();
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(name)
                .unwrap()
        };
        let child = command
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .stderr(Stdio::from(open()))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // Our own ends of it: with them open the reader would wait for ever.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let master = File::from(master);
        let mut reader = master.try_clone().unwrap();
        let (told, output) = mpsc::channel(64);
        tokio::task::spawn_blocking(move || {
            let mut bytes = [0; 4096];
            // An error is how a terminal that nobody writes to any more ends.
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                if told.blocking_send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            master,
            child,
            output,
            screen: Screen::new(),
        }
    }

    /// Reads until the screen is as wanted; its lines.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let reading = async {
            loop {
                let lines = self.screen.lines();
                if wanted(&lines) {
                    return Some(lines);
                }
                self.screen.write(&self.output.recv().await?);
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        match read {
            Ok(Some(lines)) => lines,
            ended => panic!(
                "{ended:?} before the wanted screen: {:#?}",
                self.screen.lines()
            ),
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end of the program: its exit code, what stands in the terminal then, and that
    /// the terminal is as it was before.
    pub(crate) async fn end(mut self) -> (Option<i32>, Vec<String>) {
        let end = async {
            while let Some(bytes) = self.output.recv().await {
                self.screen.write(&bytes);
            }
            self.child.wait().await.unwrap()
        };
        let status = tokio::time::timeout(PATIENCE, end).await;
        let status = status.expect("the end of the program");
        assert!(!self.screen.is_alternate, "the screen of before is back");
        let modes = tcgetattr(&self.master).unwrap().local_modes;
        assert!(
            modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG),
            "{modes:?}"
        );
        (status.code(), self.screen.lines())
    }
}

impl Screen {
    fn new() -> Self {
        Self {
            cells: vec![vec![' '; COLUMNS]; ROWS],
            row: 0,
            column: 0,
            rest: Vec::new(),
            is_alternate: false,
        }
    }

    fn lines(&self) -> Vec<String> {
        let line = |cells: &Vec<char>| cells.iter().collect::<String>().trim_end().to_owned();
        self.cells.iter().map(line).collect()
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&rest) {
            Ok(_) => rest.len(),
            Err(error) => error.valid_up_to(),
        };
        let behind = rest.split_off(whole);
        let text = String::from_utf8(rest).unwrap();
        let mut text = text.as_str();
        while let Some(c) = text.chars().next() {
            let after = if c == '\u{1b}' {
                self.sequence(text)
            } else {
                self.put(c);
                Some(&text[c.len_utf8()..])
            };
            let Some(after) = after else {
                break;
            };
            text = after;
        }
        self.rest = [text.as_bytes(), &behind].concat();
    }

    fn put(&mut self, c: char) {
        match c {
            '\r' => self.column = 0,
            '\n' => self.row = (self.row + 1).min(ROWS - 1),
            c if c.is_control() => {}
            c => {
                self.cells[self.row][self.column.min(COLUMNS - 1)] = c;
                self.column += 1;
            }
        }
    }

    /// Obeys a sequence and tells what stands behind it; `None` while it is not complete.
    fn sequence<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let Some(body) = text.strip_prefix("\u{1b}[") else {
            // Other sequences are two characters long.
            return text.get(2..);
        };
        let end = body.find(|c: char| ('@'..='~').contains(&c))?;
        let (parameters, last) = (&body[..end], &body[end..=end]);
        let number = |at: usize| {
            let part = parameters.split(';').nth(at).unwrap_or_default();
            part.parse().unwrap_or(1_usize)
        };
        match (last, parameters) {
            ("H", _) => {
                self.row = number(0).clamp(1, ROWS) - 1;
                self.column = number(1).clamp(1, COLUMNS) - 1;
            }
            ("J", _) => self.cells = Self::new().cells,
            ("h" | "l", "?1049") => {
                self.is_alternate = last == "h";
                self.cells = Self::new().cells;
            }
            _ => {}
        }
        Some(&body[end + 1..])
    }
}
