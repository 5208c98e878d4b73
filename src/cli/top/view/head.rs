//! The lines at the top: the service, how much is known, the Stat Servers, the oldest values.

use ratatui::style::{Color, Modifier, Style};

use super::super::state::Link;
use super::super::told::Server;
use super::super::words::{age, duration, time, time_of_day};
use super::Screen;
use super::pen::Pen;

/// Draws as many lines as there may be, those that matter most first.
pub(super) fn draw(screen: &Screen<'_>, pen: &mut Pen<'_>, lines: usize) {
    let until = pen.left().saturating_sub(lines.max(1));
    service(screen, pen);
    if pen.left() > until {
        sums(screen, pen);
    }
    let (servers, late) = screen.model.servers(screen.now);
    for one in servers {
        if pen.left() <= until {
            return;
        }
        server(one, late.map(duration), pen);
    }
    let switched = servers.iter().filter_map(|one| {
        let last = one.last_switchover.as_ref()?;
        Some((&one.name, last))
    });
    for (name, last) in switched {
        if pen.left() > until {
            let (at, to) = (time_of_day(&last.at), &last.to);
            let words = format!("{name}: switched {at} to {to}: {}", last.reason);
            pen.line(&[(&words, Modifier::DIM.into())]);
        }
    }
    if pen.left() > until {
        oldest(screen, pen);
    }
    // A blank line only where there is room to waste.
    if pen.left() > until + 1 {
        pen.next();
    }
}

fn service(screen: &Screen<'_>, pen: &mut Pen<'_>) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let url = screen.url;
    match &screen.model.link {
        Link::Starting => pen.line(&[("peekd top: ", bold), ("connecting to ", bold), (url, bold)]),
        Link::Up => {
            let revision = screen.model.revision.as_ref().map(|(revision, at)| {
                let ago = duration(screen.now.saturating_duration_since(*at));
                format!("   revision {revision}, {ago} ago")
            });
            pen.line(&[
                ("peekd top: ", bold),
                ("connected", bold.patch(pen.colour(Color::Green))),
                (" to ", Style::new()),
                (url, Style::new()),
                (&revision.unwrap_or_default(), Modifier::DIM.into()),
            ]);
        }
        Link::Down { since, at, words } => {
            let ago = duration(screen.now.saturating_duration_since(*at));
            let rest = format!(" since {} ({ago}) to {url}: {words}", time(*since));
            let alarm = bold.patch(pen.colour(Color::Red));
            pen.line(&[("NO CONNECTION", alarm), (&rest, alarm)]);
        }
    }
}

fn sums(screen: &Screen<'_>, pen: &mut Pen<'_>) {
    let (model, counts) = (screen.model, screen.model.counts);
    // Good is what a live Stat Server vouches for, as told by a service that is there.
    let good = if model.link == Link::Up {
        "good"
    } else {
        "unconfirmed"
    };
    let known = format!(
        "{} known: {} {good}, {} uncertain, {} waiting, {} refused   {:.1} updates/s ",
        model.statistics.len(),
        counts.good,
        counts.uncertain,
        counts.waiting,
        counts.bad,
        model.rate.mean(),
    );
    let trail = model.rate.trail().line(20);
    pen.line(&[(&known, Style::new()), (&trail, pen.colour(Color::Cyan))]);
}

fn server(server: &Server, late: Option<String>, pen: &mut Pen<'_>) {
    let is_well = server.state == "connected" && late.is_none();
    let style = if is_well {
        Style::new()
    } else {
        pen.colour(Color::Yellow).add_modifier(Modifier::BOLD)
    };
    let late = late.map_or(String::new(), |ago| format!(", as of {ago} ago"));
    let name = format!("{}: {}{late}", server.name, server.state);
    let active = &server.active;
    let mode = server.mode.as_deref().map(|mode| format!(" ({mode})"));
    let addp = server.addp_round_trip;
    let addp = addp.map_or("-".to_owned(), |s| format!("{:.1} ms", s * 1000.0));
    let rest = format!(
        ", {} {}{} since {}, {}/{} open, ADDP {addp}",
        active.side,
        active.address,
        mode.unwrap_or_default(),
        time_of_day(&active.since),
        server.statistics.open,
        server.statistics.wanted,
    );
    pen.line(&[(&name, style), (&rest, Style::new())]);
}

fn oldest(screen: &Screen<'_>, pen: &mut Pen<'_>) {
    let oldest = &screen.list.oldest;
    if oldest.is_empty() {
        return;
    }
    let each = oldest.iter();
    let each: Vec<String> = each
        .map(|(seconds, text)| format!("{} {text}", age(Some(*seconds))))
        .collect();
    let words = format!("oldest: {}", each.join("   "));
    pen.line(&[(&words, Modifier::DIM.into())]);
}
