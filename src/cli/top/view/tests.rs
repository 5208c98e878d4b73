//! What the screen shows, as text.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use super::super::feed::News;
use super::super::state::tests::told;
use super::super::told::{Quality, Server, Servers, Shown, Told};
use super::*;
use crate::model::Timestamp;

const STATE: &str = r#"{"servers":[{"name":"StatServer","state":"connected","active":{"side":"backup",
    "address":"127.0.0.1:7101","since":"2026-01-02T03:04:05.000Z"},"mode":"PRIMARY",
    "lastSwitchover":{"at":"2026-01-02T03:04:04.000Z","from":"primary","to":"backup","reason":"lost"},
    "statistics":{"wanted":3,"open":2},"addpRoundTrip":0.00125}]}"#;

fn servers() -> Vec<Server> {
    let servers: Servers = serde_json::from_str(STATE).unwrap();
    servers.servers
}

fn text(name: &str, words: &str, quality: Quality) -> Told {
    let mut told = told(name, 0.0, quality);
    if let Some(reading) = &mut told.reading {
        reading.value = Shown::Text(words.into());
    }
    told
}

/// Four statistics, one of each quality, told to a service's follower at `now`.
fn world() -> (Model, List, Instant) {
    let (mut model, now) = (Model::new(), Instant::now());
    let statistics = vec![
        told("Waiting;Queue;9001@S;E", 4.0, Quality::Good),
        text("Ready;Agent;Ä\u{1b}[31m;E", "LoggedIn", Quality::Uncertain),
        text("Unknown;Queue;9001@S;E", "No such statistic", Quality::Bad),
        Told {
            reading: told("", 0.0, Quality::Waiting).reading.map(|mut reading| {
                reading.value = Shown::Nothing;
                reading.age = None;
                reading
            }),
            ..told("Total;Queue;9001@S;E", 0.0, Quality::Waiting)
        },
    ];
    for news in [
        News::Begin,
        News::Known(statistics),
        News::End,
        News::At("3-9".to_owned()),
        News::Up,
        News::Servers(servers()),
    ] {
        model.hear(news, now, Timestamp(0));
    }
    let mut list = List::default();
    list.refresh(&model, now);
    (model, list, now)
}

struct Drawn {
    terminal: Terminal<TestBackend>,
    page: usize,
}

impl Drawn {
    fn new(of: (&Model, &List, Instant), mode: &Mode, has_colour: bool, size: (u16, u16)) -> Self {
        let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let (model, list, now) = of;
        let screen = Screen {
            url: "http://127.0.0.1:8080",
            model,
            list,
            mode,
            has_colour,
            now,
        };
        let mut page = 0;
        let drawing = terminal.draw(|frame| {
            page = draw(&screen, frame.area(), frame.buffer_mut());
        });
        drawing.unwrap();
        Self { terminal, page }
    }

    fn lines(&self) -> Vec<String> {
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width);
        let symbols: Vec<&str> = buffer.content.iter().map(Cell::symbol).collect();
        let lines = symbols.chunks(width.max(1)).map(<[&str]>::concat);
        lines.map(|line| line.trim_end().to_owned()).collect()
    }

    /// The styles of the line that holds these words.
    fn modifiers(&self, words: &str) -> Modifier {
        let lines = self.lines();
        let at = lines.iter().position(|line| line.contains(words));
        let at = at.unwrap_or_else(|| panic!("no {words} in {lines:#?}"));
        let buffer = self.terminal.backend().buffer();
        buffer[(2, u16::try_from(at).unwrap())].modifier
    }

    fn has_colours(&self) -> bool {
        let cells = &self.terminal.backend().buffer().content;
        cells
            .iter()
            .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    }
}

#[test]
fn everything_has_its_place() {
    let (model, mut list, now) = world();
    list.tick(&model, now);
    let drawn = Drawn::new((&model, &list, now), &Mode::List, true, (120, 16));
    assert_eq!(
        drawn.lines(),
        [
            "peekd top: connected to http://127.0.0.1:8080   revision 3-9, 0s ago",
            "4 known: 1 good, 1 uncertain, 1 waiting, 1 refused   0.0 updates/s",
            "StatServer: connected, backup 127.0.0.1:7101 (PRIMARY) since 03:04:05, 2/3 open, ADDP 1.2 ms",
            "StatServer: switched 03:04:04 to backup: lost",
            "oldest: 1s Ready;Agent;Ä�[31m;E   1s Unknown;Queue;9001@S;E   1s Waiting;Queue;9001@S;E",
            "  statistic                                                                                    value     age quality",
            "> Ready;Agent;Ä�[31m;E                                                                      LoggedIn      1s uncertain",
            "  Total;Queue;9001@S;E                                                                             -         waiting",
            "  Unknown;Queue;9001@S;E                                                           No such statistic      1s refused",
            "  Waiting;Queue;9001@S;E                                                                           4      1s good",
            "",
            "",
            "",
            "",
            "",
            "? help  q quit   4 of 4, by name",
        ]
    );
}

#[test]
fn what_nobody_vouches_for_is_dim_and_says_so() {
    let (mut model, mut list, now) = world();
    list.refresh(&model, now);
    let of = |model: &Model, list: &List, now, has_colour| {
        Drawn::new((model, list, now), &Mode::List, has_colour, (100, 14))
    };
    let drawn = of(&model, &list, now, false);
    assert!(!drawn.modifiers("  Waiting;").contains(Modifier::DIM));
    assert!(drawn.modifiers("> Ready;").contains(Modifier::DIM));
    assert!(drawn.modifiers("  Unknown;").contains(Modifier::DIM));

    let down = News::Down("no service answers at 127.0.0.1:8080".to_owned());
    model.hear(down, now, Timestamp(1_000_000));
    let later = now + Duration::from_secs(75);
    let drawn = of(&model, &list, later, false);
    let lines = drawn.lines();
    assert!(
        lines[0].starts_with(
            "NO CONNECTION since 00:00:00 UTC (1m15s) to http://127.0.0.1:8080: no service"
        ),
        "{lines:#?}"
    );
    assert!(
        lines[1].starts_with("4 known: 1 unconfirmed, "),
        "{lines:#?}"
    );
    assert!(
        lines[2].starts_with("StatServer: connected, as of 1m15s ago, "),
        "{lines:#?}"
    );
    assert!(
        !lines.iter().any(|line| line.ends_with(" good")),
        "{lines:#?}"
    );
    let row = lines.iter().find(|line| line.starts_with("  Waiting"));
    assert!(row.unwrap().ends_with("1m16s unconfirmed"), "{lines:#?}");
    assert!(drawn.modifiers("  Waiting").contains(Modifier::DIM));

    assert!(!drawn.has_colours());
    assert!(of(&model, &list, later, true).has_colours());
}

#[test]
fn pins_stand_at_the_top_with_their_trails() {
    let (mut model, mut list, now) = world();
    list.select(3);
    list.toggle_pin();
    for value in [1.0, 2.0, 3.0] {
        let changed = vec![told("Waiting;Queue;9001@S;E", value, Quality::Good)];
        model.hear(News::Changed(changed), now, Timestamp(0));
        list.tick(&model, now);
    }
    let size = (90, 16);
    let lines = Drawn::new((&model, &list, now), &Mode::List, false, size).lines();
    let pinned = lines
        .iter()
        .find(|line| line.starts_with("* Waiting"))
        .unwrap();
    assert!(
        pinned.contains(" 3     1s good ") && pinned.ends_with(" ▁▅█"),
        "{lines:#?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with(">* Waiting") || line.starts_with(">*Waiting")),
        "{lines:#?}"
    );
    // What is forgotten leaves its place, not an old value.
    model.hear(News::Begin, now, Timestamp(0));
    model.hear(News::End, now, Timestamp(0));
    let lines = Drawn::new((&model, &list, now), &Mode::List, false, size).lines();
    let pinned = lines
        .iter()
        .find(|line| line.starts_with("* Waiting"))
        .unwrap();
    assert!(
        pinned.contains("not known") && !pinned.contains(" 3 "),
        "{lines:#?}"
    );
}

#[test]
fn the_selected_row_is_in_sight_and_marked_without_colour() {
    let (mut model, now) = (Model::new(), Instant::now());
    let many = (0..1000).map(|i| told(&format!("x{i:04}"), 1.0, Quality::Good));
    model.hear(News::Known(many.collect()), now, Timestamp(0));
    let mut list = List::default();
    list.refresh(&model, now);
    for row in [0, 5, 499, 999] {
        list.select(row);
        let drawn = Drawn::new((&model, &list, now), &Mode::List, false, (60, 12));
        let lines = drawn.lines();
        let marked = format!("> x{row:04}");
        assert!(
            lines.iter().any(|line| line.starts_with(&marked)),
            "{row}: {lines:#?}"
        );
        assert!(drawn.modifiers(&marked).contains(Modifier::REVERSED));
        let seen = lines.iter().filter(|line| line.contains(" x0")).count();
        assert!(
            (1..=drawn.page).contains(&seen),
            "{seen} of a page of {}",
            drawn.page
        );
    }
}

#[test]
fn help_and_the_filter_have_their_lines() {
    let (model, mut list, now) = world();
    let of = |list: &List, mode: &Mode| {
        let drawn = Drawn::new((&model, list, now), mode, false, (80, 24));
        drawn.lines().join("\n")
    };
    let help = of(&list, &Mode::Help);
    for (keys, what) in HELP {
        assert!(help.contains(keys) && help.contains(what), "{help}");
    }
    list.filter_by("queue".to_owned());
    list.refresh(&model, now);
    let typing = of(&list, &Mode::Filter(String::new()));
    assert!(
        typing.ends_with("/queue   3 of 4, Enter keeps it, Esc does not"),
        "{typing}"
    );
    assert!(of(&list, &Mode::List).ends_with("3 of 4 with queue, by name"));
    list.filter_by("nothing like it".to_owned());
    list.refresh(&model, now);
    assert!(of(&list, &Mode::List).contains("nothing matches the filter"));
    let (model, list) = (Model::new(), List::default());
    let lines = Drawn::new((&model, &list, now), &Mode::List, false, (80, 24)).lines();
    assert!(lines[0].contains("connecting to") && lines.join("").contains("nothing is known yet"));
}

#[test]
fn every_size_can_be_drawn_and_40_by_10_shows_rows() {
    let (model, mut list, now) = world();
    list.tick(&model, now);
    list.toggle_pin();
    for mode in [Mode::List, Mode::Help, Mode::Filter("x".to_owned())] {
        for width in (0..45).chain([80, 300]) {
            for height in (0..14).chain([100]) {
                Drawn::new((&model, &list, now), &mode, true, (width, height));
            }
        }
    }
    let lines = Drawn::new((&model, &list, now), &Mode::List, true, (40, 10)).lines();
    assert_eq!(
        lines,
        [
            "peekd top: connected to http://127.0.0.…",
            "4 known: 1 good, 1 uncertain, 1 waiting…",
            "StatServer: connected, backup 127.0.0.1…",
            "StatServer: switched 03:04:04 to backup…",
            "* Ready Ä�[31m  Logged…     1s uncertain",
            "  statistic       value    age quality",
            ">*Ready Ä�[31m  Logged…     1s uncertain",
            "  Total 9001@S        -        waiting",
            "  Unkno… 9001@S No suc…     1s refused",
            "? help  q quit   4 of 4, by name",
        ]
    );
}
