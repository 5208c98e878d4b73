//! What must hold for the files without a browser.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

/// Every `name` in the text as `/dashboard/name` or `./name`.
fn references(body: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for prefix in ["\"/dashboard/", "\"./"] {
        for (at, _) in body.match_indices(prefix) {
            let rest = &body[at + prefix.len()..];
            let name = rest.split('"').next().unwrap();
            found.insert(format!("/dashboard/{name}"));
        }
    }
    found
}

#[test]
fn every_file_is_listed_and_every_listed_one_is_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dashboard");
    let on_disk: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_none_or(|end| end != "rs"))
        .map(|name| match name.as_str() {
            "index.html" => "/".to_owned(),
            _ => format!("/dashboard/{name}"),
        })
        .collect();
    let listed: BTreeSet<String> = FILES.iter().map(|file| file.path.to_owned()).collect();
    assert_eq!(listed, on_disk);
    let mut used: BTreeSet<String> = FILES
        .iter()
        .flat_map(|file| references(file.body))
        .collect();
    used.insert("/".to_owned());
    assert_eq!(listed, used);
}

/// Lines that are comments as a whole, left out: the vendored library names its sources in some.
fn code(body: &str) -> String {
    let is_comment = |line: &&str| ["//", "*"].iter().any(|sign| line.trim().starts_with(sign));
    let lines: Vec<&str> = body.lines().filter(|line| !is_comment(line)).collect();
    lines.join("\n")
}

#[test]
fn nothing_is_asked_of_anybody_else() {
    // A namespace is a name, and nothing is loaded from it.
    const NAMESPACE: &str = "xmlns=\"http://www.w3.org/2000/svg\"";
    for file in FILES {
        let body = code(file.body).replace(NAMESPACE, "");
        for word in [
            "http:", "https:", "ws:", "wss:", "\"//", "'//", "`//", "url(",
        ] {
            assert!(!body.contains(word), "{} holds {word}", file.path);
        }
    }
}

#[test]
fn the_page_holds_no_inline_script_or_style() {
    let page = file("/").unwrap().body;
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script type=\"module\" src=\"/dashboard/main.js\"></script>"));
    for word in ["style=", "<style", " onclick", " onload", "javascript:"] {
        assert!(!page.contains(word), "{word}");
    }
    for file in FILES {
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "document.write",
        ] {
            assert!(!file.body.contains(word), "{} holds {word}", file.path);
        }
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for file in FILES {
        let opening = match file.content_type {
            SCRIPT => "// ",
            STYLE => "/* ",
            _ => "<",
        };
        assert!(file.body.starts_with(opening), "{}", file.path);
    }
}

#[test]
fn the_vendored_library_keeps_its_licence_and_comes_with_a_chart_only() {
    let library = file("/dashboard/uplot.js").unwrap().body;
    for words in [
        "1.6.32",
        "The MIT License",
        "Leon Sorokin",
        "THE SOFTWARE IS PROVIDED",
    ] {
        assert!(library.contains(words), "{words}");
    }
    // Only the module that draws names it, and only an import that waits for a chart names that.
    for one in FILES {
        let (by_library, by_plot) = (
            one.body.contains("./uplot.js"),
            one.body.contains("./plot.js"),
        );
        assert_eq!(by_library, one.path == "/dashboard/plot.js", "{}", one.path);
        assert_eq!(by_plot, one.path == "/dashboard/chart.js", "{}", one.path);
    }
    let dialog = file("/dashboard/chart.js").unwrap().body;
    assert!(dialog.contains("await import(\"./plot.js\")"));
}
