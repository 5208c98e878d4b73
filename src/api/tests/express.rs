//! The express lane: what it answers the routes would answer alike, and what it leaves they get.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::sockets::{Server, read_answer, start_shared, status_line};
use super::*;
use crate::api::Face;

const HEAD: &str = "Host: 127.0.0.1:8080\r\nAuthorization: Basic ZGVmYXVsdDpwYXNzd29yZA==\r\n";

fn request(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\n{HEAD}Content-Length: {length}\r\n{headers}\r\n{body}")
}

fn example() -> String {
    request(STATISTIC, "", EXAMPLE)
}

fn shown() -> Table {
    let limited = Answer {
        source: Source::Store {
            ttl: Some(Duration::from_secs(7)),
        },
        ..stored("a\"b\\", 3_000)
    };
    let table = Table::example()
        .with("E;Queue;9001@SIP Switch;Environment", Ok(limited))
        .with("R;Agent;a%3Bb;T;f;;;;Reset", Ok(stored("1.50", 61_000)));
    Table {
        shows: true,
        ..table
    }
}

async fn serve(config: Config) -> (Server, Arc<Edge<Table>>, Arc<Table>) {
    let table = Arc::new(shown());
    let (server, edge) = start_shared(Arc::clone(&table), config, Face::Main).await;
    (server, edge, table)
}

fn glances(table: &Table) -> usize {
    table.glances.load(Ordering::Relaxed)
}

/// All answers on one connection, without their dates.
async fn ask(stream: &mut tokio::net::TcpStream, requests: &[String]) -> Vec<String> {
    let mut answers = Vec::new();
    for request in requests {
        stream.write_all(request.as_bytes()).await.unwrap();
        answers.push(undated(&read_answer(stream).await));
    }
    answers
}

fn undated(answer: &str) -> String {
    let (before, rest) = answer.split_once("Date: ").unwrap();
    let (date, after) = rest.split_once("\r\n").unwrap();
    assert_eq!(date.len(), "Sun, 22 Nov 2026 08:00:00 GMT".len(), "{date}");
    format!("{before}Date: \r\n{after}")
}

#[tokio::test]
async fn its_answers_are_those_of_the_routes_byte_for_byte() {
    let several = "a=E;Queue;9001@SIP+Switch;Environment&%20\"\\=R;agent;a%253Bb;T;f;;;;Reset";
    for origins in [vec![], vec!["https://wall.example".to_owned()]] {
        let config = Config {
            origins,
            ..config()
        };
        let (server, _, table) = serve(config).await;
        let mut stream = server.connect().await;
        for (path, headers, body) in [
            (STATISTIC, "", EXAMPLE),
            (
                STATISTIC,
                "Connection: Keep-Alive\r\nAccept: */*\r\n",
                EXAMPLE,
            ),
            (
                STATISTIC,
                "content-type: Application/x-www-form-urlencoded; charset=utf-8\r\n",
                "metric=E&objectId=9001%40SIP+Switch&objectType=QUEUE&tenant=Environment&other=1",
            ),
            (
                STATISTIC,
                "Cache-Control: max-age=10, max-stale\r\n",
                "statisticType=R&objectId=a;b&objectType=Agent&tenant=T&filter=f&notificationMode=reset",
            ),
            (STATISTICS, "", several),
            (
                STATISTICS,
                "",
                "one=TotalLoginTime;Agent;KSippola;Environment",
            ),
        ] {
            // The first proves the credentials; a browser extension's origin makes no difference
            // but that the lane leaves it.
            let origin = format!("Origin: chrome-extension://x\r\n{headers}");
            let by_routes = request(path, &origin, body);
            let by_lane = request(path, headers, body);
            let expected = ask(&mut stream, &[by_routes]).await;
            let before = glances(&table);
            let answers = ask(&mut stream, &[by_lane.clone(), by_lane]).await;
            assert_eq!(answers[0], expected[0], "{headers}{body}");
            assert_eq!(answers[1], expected[0], "{headers}{body}");
            assert!(glances(&table) > before, "not by the lane: {headers}{body}");
        }
    }
}

#[tokio::test]
async fn what_it_leaves_is_answered_in_its_turn_and_the_lane_goes_on() {
    let (server, _, table) = serve(config()).await;
    let mut stream = server.connect().await;
    ask(&mut stream, &[example()]).await;
    let unknown = request(STATISTIC, "", &EXAMPLE.replace("KSippola", "Nobody"));
    let wrong = request(STATISTIC, "", "objectId=%");
    let mut twice = example();
    twice.push_str(&request(STATISTICS, "", "a=E"));
    let all = [example(), unknown, wrong, twice, example(), example()].concat();
    let before = glances(&table);
    stream.write_all(all.as_bytes()).await.unwrap();
    let mut lines = Vec::new();
    for _ in 0..7 {
        lines.push(status_line(&read_answer(&mut stream).await).to_owned());
    }
    let (ok, bad) = ("HTTP/1.1 200 OK", "HTTP/1.1 400 Bad Request");
    let forbidden = "HTTP/1.1 403 Forbidden";
    assert_eq!(lines, [ok, forbidden, bad, ok, bad, ok, ok]);
    // Requests that wait behind one for the routes may be taken along.
    assert!(glances(&table) > before);
    let before = glances(&table);
    ask(&mut stream, &[example()]).await;
    assert_eq!(glances(&table), before + 1);
}

#[tokio::test]
async fn a_request_in_pieces_is_answered_whichever_piece_comes_late() {
    let (server, _, _) = serve(config()).await;
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    let text = example();
    let expected = ask(&mut stream, std::slice::from_ref(&text)).await;
    for cut in (1..text.len()).step_by(7) {
        let (first, second) = text.split_at(cut);
        stream.write_all(first.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all(second.as_bytes()).await.unwrap();
        assert_eq!(
            undated(&read_answer(&mut stream).await),
            expected[0],
            "{cut}"
        );
    }
}

#[tokio::test]
async fn requests_longer_than_a_read_are_answered_alike() {
    let (server, _, _) = serve(config()).await;
    let mut stream = server.connect().await;
    for count in [100, 300, 900] {
        let fields = (0..count).map(|n| format!("s{n}=TotalLoginTime;Agent;KSippola;Environment"));
        let body = fields.collect::<Vec<_>>().join("&");
        let by_routes = request(STATISTICS, "Origin: app://x\r\n", &body);
        let answers = ask(&mut stream, &[by_routes, request(STATISTICS, "", &body)]).await;
        assert_eq!(answers[1], answers[0]);
        assert_eq!(answers[0].matches("1025").count(), count);
    }
}

#[tokio::test]
async fn nobody_stays_proven_when_the_users_change() {
    let (server, edge, table) = serve(config()).await;
    let mut stream = server.connect().await;
    ask(&mut stream, &[example(), example()]).await;
    assert_eq!(glances(&table), 1);
    edge.replace_users(vec![user("somebody", None)]);
    let answers = ask(&mut stream, &[example()]).await;
    assert_eq!(status_line(&answers[0]), "HTTP/1.1 401 Unauthorized");
    edge.replace_users(vec![user("default", Some(&["Elsewhere"]))]);
    let answers = ask(&mut stream, &[example(), example()]).await;
    assert_eq!(status_line(&answers[0]), "HTTP/1.1 403 Forbidden");
    assert_eq!(status_line(&answers[1]), "HTTP/1.1 403 Forbidden");
    assert_eq!(glances(&table), 1);
}

#[tokio::test]
async fn other_credentials_on_the_same_connection_are_checked() {
    let (server, _, _) = serve(config()).await;
    let mut stream = server.connect().await;
    ask(&mut stream, &[example(), example()]).await;
    let wrong = example().replace("ZA==", "ZQ==");
    let none = example().replace("Authorization", "Authentication");
    for request in [wrong, none] {
        let answers = ask(&mut stream, &[request]).await;
        assert_eq!(status_line(&answers[0]), "HTTP/1.1 401 Unauthorized");
    }
}

#[tokio::test]
async fn a_proof_grows_old_in_the_lane_as_elsewhere() {
    let (server, edge, table) = serve(config()).await;
    let mut stream = server.connect().await;
    ask(&mut stream, &[example(), example()]).await;
    assert_eq!(glances(&table), 1);
    let header = EXAMPLE_USER.as_bytes();
    let (_, until) = edge.authenticator().proven(header, Instant::now()).unwrap();
    assert!(edge.authenticator().proven(header, until).is_none());
    let left = until.duration_since(Instant::now());
    assert!(left <= Duration::from_mins(1), "{left:?}");
}

#[tokio::test]
async fn what_ends_a_connection_still_does() {
    let (server, _, _) = serve(config()).await;
    for (from, to, status) in [
        ("Host", "Connection: close\r\nHost", "HTTP/1.1 200 OK"),
        (
            "Content-Length: 91",
            "Connection: close\r\nContent-Length: 91\r\nContent-Length: 90",
            "HTTP/1.1 400 Bad Request",
        ),
        (
            "Content-Length: 91",
            "Content-Length: +91",
            "HTTP/1.1 400 Bad Request",
        ),
        (" HTTP/1.1", " HTTP/1.0", "HTTP/1.0 200 OK"),
    ] {
        let mut stream = server.connect().await;
        ask(&mut stream, &[example(), example()]).await;
        let last = example().replacen(from, to, 1);
        stream.write_all(last.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(status_line(&answer), status, "{to}");
    }
}

#[tokio::test]
async fn a_host_that_is_empty_is_refused_on_a_fresh_connection_as_well() {
    let config = Config {
        open_paths: vec![STATISTIC.to_owned()],
        ..config()
    };
    let (server, _, _) = serve(config).await;
    let mut stream = server.connect().await;
    let nameless = example().replacen("Host: 127.0.0.1:8080", "Host:", 1);
    let answers = ask(&mut stream, &[nameless]).await;
    assert_eq!(status_line(&answers[0]), "HTTP/1.1 400 Bad Request");
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused_however_it_arrives() {
    let (server, _, _) = serve(config()).await;
    let max = config().limits.header;
    let head_length = example().len() - EXAMPLE.len();
    for (more, status) in [
        (0, "HTTP/1.1 200 OK"),
        (1, "HTTP/1.1 431 Request Header Fields Too Large"),
    ] {
        let length = max + more - head_length - "X: \r\n".len();
        let padding = format!("Host: 127.0.0.1:8080\r\nX: {}\r\n", "a".repeat(length));
        let padded = example().replacen("Host: 127.0.0.1:8080\r\n", &padding, 1);
        // Behind a request that makes room for it, and on its own.
        for first in ["", &example()] {
            let mut stream = server.connect().await;
            let both = format!("{first}{padded}");
            stream.write_all(both.as_bytes()).await.unwrap();
            if !first.is_empty() {
                read_answer(&mut stream).await;
            }
            let mut answer = vec![0; status.len()];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(String::from_utf8(answer).unwrap(), status, "{more}");
        }
    }
}
