//! The request directive cases of the public HTTP caching test-suite (`cc-request` of
//! http-tests/cache-tests), by their names. `docs/http.md` says which had to be read differently.

use super::directives::{Expected, check};

use Expected::{Hit, Live, NotCached};

#[tokio::test(start_paused = true)]
async fn cases_with_a_stored_value() {
    // Each value is 30 s old, kept true by notifications, and without a lifetime of its own.
    let cases = [
        ("ccreq-ma0", "max-age=0", Live("request")),
        ("ccreq-ma1", "max-age=1", Live("stale")),
        ("ccreq-magreaterage", "max-age=20", Live("stale")),
        // The lifetime that the suite's origin names is named by the request here.
        (
            "ccreq-max-stale",
            "max-age=1, max-stale=1000",
            Hit("; ttl=971"),
        ),
        (
            "ccreq-max-stale-age",
            "max-age=20, max-stale=1000",
            Hit("; ttl=990"),
        ),
        ("ccreq-min-fresh", "min-fresh=2000", Live("request")),
        (
            "ccreq-min-fresh-age",
            "max-age=40, min-fresh=20",
            Live("stale"),
        ),
        ("ccreq-no-cache", "no-cache", Live("request")),
        // Validation is a live fetch: there is nothing else that a value could be compared with.
        ("ccreq-no-cache-lm", "no-cache", Live("request")),
        ("ccreq-no-cache-etag", "no-cache", Live("request")),
        // Here the contract says otherwise: a request cannot forbid the use of what is known.
        ("ccreq-no-store", "no-store", Hit("")),
    ];
    let rows = cases.map(|(_, directives, expected)| (directives, expected));
    check("Immediate", true, &rows).await;
}

#[tokio::test(start_paused = true)]
async fn the_case_without_a_stored_value() {
    // ccreq-oic
    check("Immediate", false, &[("only-if-cached", NotCached)]).await;
}
