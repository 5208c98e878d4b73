//! Freshness while a Stat Server is connected: every directive on values that are known, fresh,
//! stale and unknown.

use super::*;

/// How the service is to answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    /// From the store, with this after `hit`.
    Hit(&'static str),
    /// From the Stat Server, for this reason.
    Live(&'static str),
    /// 504.
    NotCached,
}

use Expected::{Hit, Live, NotCached};

const AGE_S: u64 = 30;

impl Expected {
    fn answer(self) -> String {
        match self {
            Hit(ttl) => answered("{\"value\":1025}", &AGE_S.to_string(), &format!("hit{ttl}")),
            Live(why) => {
                let detail = match why {
                    "miss" => "no value was known",
                    "stale" => "the known value was older than allowed",
                    _ => "the request asked for a live value",
                };
                let status = format!("fwd={why}; detail=\"{detail}\"");
                answered("{\"value\":1025}", "0", &status)
            }
            NotCached => not_cached(),
        }
    }
}

pub(super) fn not_cached() -> String {
    refused(
        "504 Gateway Timeout",
        "",
        "no stored value satisfies the request, and only-if-cached forbids asking for one",
    )
}

/// Asks for a statistic of its own in each row, all of which are as old when `is_known`.
pub(super) async fn check(mode: &str, is_known: bool, rows: &[(&str, Expected)]) {
    let still = Still::start().await;
    let body = |row: usize| {
        let statistic = still.statistic(&format!("Row{row}"));
        format!("{}&notificationMode={mode}", form(&statistic))
    };
    let bodies: Vec<String> = (0..rows.len()).map(body).collect();
    if is_known {
        for body in &bodies {
            still.learn(body).await;
        }
        tokio::time::advance(Duration::from_secs(AGE_S)).await;
    }
    for ((directives, expected), body) in rows.iter().zip(&bodies) {
        let lines = directives.split('\n').filter(|line| !line.is_empty());
        let lines = lines.map(|line| ["Cache-Control: ", line, "\r\n"].concat());
        let headers: String = lines.collect();
        let answer = still.post("statistic", &headers, body).await;
        assert_eq!(answer, expected.answer(), "{directives}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_kept_true_is_as_good_as_the_directives_say() {
    let rows = [
        ("", Hit("")),
        ("max-age=30", Hit("; ttl=0")),
        ("max-age=31", Hit("; ttl=1")),
        ("max-age=29", Live("stale")),
        ("max-age=0", Live("request")),
        ("no-cache", Live("request")),
        ("no-cache, max-age=60", Live("request")),
        // Freshness information that cannot be read is stale.
        ("max-age", Live("request")),
        ("max-age=", Live("request")),
        ("max-age=1.5", Live("request")),
        ("max-age=-1", Live("request")),
        ("max-age=60s", Live("request")),
        ("max-age= 60", Live("request")),
        ("max-age='60'", Live("request")),
        ("max-age=\"60", Live("request")),
        ("max-age=60, max-age=x", Live("request")),
        // What can be read in more than one form.
        ("MAX-AGE=60", Hit("; ttl=30")),
        ("Max-Age=\"60\"", Hit("; ttl=30")),
        ("max-age=0060", Hit("; ttl=30")),
        (" , max-age=60 ,,", Hit("; ttl=30")),
        ("max-age=99999999999999999999", Hit("; ttl=2147483618")),
        ("max-age=2147483649", Hit("; ttl=2147483618")),
        ("max-age=60, max-age=29", Live("stale")),
        ("max-age=29, max-age=60", Live("stale")),
        ("max-age=60\nmax-age=29", Live("stale")),
        ("max-age=60\nmin-fresh=31", Live("stale")),
        (
            "unheard-of=\"max-age=0, no-cache\", max-age=60",
            Hit("; ttl=30"),
        ),
        ("unheard-of", Hit("")),
        // Allowances and demands relative to max-age.
        ("max-age=10, max-stale=20", Hit("; ttl=0")),
        ("max-age=10, max-stale=19", Live("stale")),
        ("max-age=10, max-stale", Hit("")),
        ("max-age=0, max-stale=30", Hit("; ttl=0")),
        ("max-age=10, max-stale=x", Live("stale")),
        ("max-age=40, min-fresh=10", Hit("; ttl=0")),
        ("max-age=40, min-fresh=11", Live("stale")),
        ("max-age=10, min-fresh=20", Live("request")),
        ("max-age=40, max-stale=5, min-fresh=15", Hit("; ttl=0")),
        ("max-stale", Hit("")),
        ("max-stale=1", Hit("")),
        ("min-fresh=0", Live("request")),
        ("min-fresh=1", Live("request")),
        ("only-if-cached", Hit("")),
        ("only-if-cached, max-age=30", Hit("; ttl=0")),
        ("only-if-cached, max-age=29", NotCached),
        ("only-if-cached, no-cache", NotCached),
        ("only-if-cached, max-age=0", NotCached),
        ("stale-if-error=60, max-age=29", Live("stale")),
        ("no-store", Hit("")),
        ("no-store, max-age=29", Live("stale")),
    ];
    check("Immediate", true, &rows).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_nothing_keeps_true_is_good_for_the_default_age() {
    let rows = [
        ("", Live("stale")),
        ("no-store", Live("stale")),
        ("max-stale", Live("stale")),
        ("max-age=30", Hit("; ttl=0")),
        ("max-age=29", Live("stale")),
        ("only-if-cached", Hit("")),
        ("only-if-cached, max-age=29", NotCached),
    ];
    check("NoNotification", true, &rows).await;

    let still = Still::start().await;
    let body = form(&still.statistic("Row")) + "&notificationMode=NoNotification";
    still.learn(&body).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    let answer = still.post("statistic", "", &body).await;
    assert_eq!(answer, answered("{\"value\":1025}", "10", "hit"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_value_is_waited_for_unless_that_is_forbidden() {
    let rows = [
        ("", Live("miss")),
        ("max-age=60", Live("miss")),
        ("max-age=0", Live("miss")),
        ("no-cache", Live("miss")),
        ("max-stale", Live("miss")),
        ("min-fresh=1", Live("miss")),
        ("stale-if-error", Live("miss")),
        ("no-store", Live("miss")),
        ("only-if-cached", NotCached),
        ("only-if-cached, max-age=60", NotCached),
        ("only-if-cached, stale-if-error", NotCached),
    ];
    check("Immediate", false, &rows).await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_for_a_request_that_stores_nothing_is_recorded_for_others() {
    let still = Still::start().await;
    let body = form(&still.statistic("Row"));
    let no_store = "Cache-Control: no-store\r\n";
    still.post("statistic", no_store, &body).await;
    let answer = still.post("statistic", "", &body).await;
    assert_eq!(answer, answered("{\"value\":1025}", "0", "hit"));
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_asks_the_stat_server_nothing() {
    let still = Still::start().await;
    let unknown = still.statistic("Row");
    let opens = still.world.pair.opens_total();
    let headers = "Cache-Control: only-if-cached\r\n";
    let answer = still.post("statistic", headers, &form(&unknown)).await;
    assert_eq!(answer, not_cached());
    // Later than that request on the same connection to the Stat Server.
    still.learn(&form(&still.statistic("Other"))).await;
    assert_eq!(still.world.pair.opens_total(), opens + 1);
}

#[tokio::test(start_paused = true)]
async fn each_of_several_statistics_is_as_fresh_as_demanded() {
    let still = Still::start().await;
    let (old, new) = (still.statistic("Old"), still.statistic("New"));
    still.learn(&form(&old)).await;
    tokio::time::advance(Duration::from_secs(AGE_S)).await;
    still.learn(&form(&new)).await;
    let body = format!("new={new}&old={old}");
    let values = "{\"new\":1025,\"old\":1025}";
    let ask = async |directives: &str| {
        let headers = format!("Cache-Control: {directives}\r\n");
        still.post("statistics", &headers, &body).await
    };
    assert_eq!(
        ask("max-age=30").await,
        answered(values, "30", "hit; ttl=0")
    );
    assert_eq!(ask("only-if-cached, max-age=29").await, not_cached());
    let one = "fwd=stale; detail=\"1 of 2 were asked of the Stat Server\"";
    assert_eq!(ask("max-age=29").await, answered(values, "0", one));
}
