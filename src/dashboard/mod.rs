//! The dashboard page: its files, as they are served, in the binary. They hold no data and ask for
//! none of it here; what the page shows it asks of `/v1` like every other client.

use std::sync::LazyLock;

/// A file of the page.
#[derive(Debug)]
pub struct File {
    /// The path it is served under.
    pub path: &'static str,
    /// What it is, for `Content-Type`.
    pub content_type: &'static str,
    /// Its content.
    pub body: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal, $name:literal, $content_type:ident;)+) => {
        /// Every file of the page; the page itself first.
        pub const FILES: &[File] = &[$(File {
            path: $path,
            content_type: $content_type,
            body: include_str!($name),
        }),+];
    };
}

files! {
    "/", "index.html", HTML;
    "/dashboard/board.js", "board.js", SCRIPT;
    "/dashboard/chart.css", "chart.css", STYLE;
    "/dashboard/chart.js", "chart.js", SCRIPT;
    "/dashboard/editor.js", "editor.js", SCRIPT;
    "/dashboard/feed.js", "feed.js", SCRIPT;
    "/dashboard/format.js", "format.js", SCRIPT;
    "/dashboard/icon.svg", "icon.svg", IMAGE;
    "/dashboard/main.js", "main.js", SCRIPT;
    "/dashboard/page.css", "page.css", STYLE;
    "/dashboard/past.js", "past.js", SCRIPT;
    "/dashboard/plot.js", "plot.js", SCRIPT;
    "/dashboard/readings.js", "readings.js", SCRIPT;
    "/dashboard/ring.js", "ring.js", SCRIPT;
    "/dashboard/search.js", "search.js", SCRIPT;
    "/dashboard/servers.js", "servers.js", SCRIPT;
    "/dashboard/session.js", "session.js", SCRIPT;
    "/dashboard/theme.css", "theme.css", STYLE;
    "/dashboard/tile.css", "tile.css", STYLE;
    "/dashboard/tile.js", "tile.js", SCRIPT;
    "/dashboard/track.js", "track.js", SCRIPT;
    "/dashboard/uplot.css", "uplot.css", STYLE;
    "/dashboard/uplot.js", "uplot.js", SCRIPT;
    "/dashboard/wall.js", "wall.js", SCRIPT;
}

/// What the files are together: one tag for all, since they only work with one another.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = blake3::Hasher::new();
    for file in FILES {
        hasher
            .update(file.path.as_bytes())
            .update(file.body.as_bytes());
    }
    format!("\"{}\"", hasher.finalize().to_hex())
});

/// The file at this path.
#[must_use]
pub fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

/// The entity tag of every file.
#[must_use]
pub fn tag() -> &'static str {
    &TAG
}

#[cfg(test)]
mod tests;
