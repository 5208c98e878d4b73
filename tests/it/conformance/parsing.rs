//! HTTP/1.1 as the public h1spec suite checks it, and what else a careless parser lets through.

use super::*;

/// Sends the bytes, lets another request be answered, and then says that no more will come.
async fn fragment(still: &Still, bytes: &str) -> String {
    let mut stream = TcpStream::connect(&still.world.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let live = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    still.exchange(live).await;
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_not_whole_is_waited_for() {
    let still = Still::start().await;
    let whole = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for length in 1..whole.len() {
        assert_eq!(fragment(&still, &whole[..length]).await, "", "{length}");
    }
    let answer = fragment(&still, whole).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_refused() {
    let still = Still::start().await;
    let get = "GET /health/live HTTP/1.1\r\nHost: example.com\r\n";
    for request in [
        "GET / \r\n\r\n".to_owned(),
        format!("{get}X-Invalid[]: test\r\n\r\n"),
        "GET /health/live HTTP/1.1\r\nContent-Length: 5\r\n\r\n".to_owned(),
        format!("{get}Host: example.org\r\n\r\n"),
        format!("{get}Host: example.com\r\n\r\n"),
        format!("{get}Content-Length: -123456789123456789123456789\r\n\r\n"),
        format!("{get}Content-Length: -1234\r\n\r\n"),
        format!("{get}Content-Length: abc\r\n\r\n"),
        format!("{get}Content-Length: +5\r\n\r\nhello"),
        format!("{get}Content-Length: 5, 6\r\n\r\nhello"),
        format!("{get}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        format!("{get}Transfer-Encoding: gzip\r\n\r\nhello"),
        format!("{get}Transfer-Encoding: chunked, gzip\r\n\r\nhello"),
        format!("{get}X-Bad-Control-Char: test\x07\r\n\r\n"),
        format!("{get} folded: x\r\n\r\n"),
        format!("{get}Spaced : x\r\n\r\n"),
        "GET /health/live HTTP/9.9\r\nHost: example.com\r\n\r\n".to_owned(),
        "Extra lineGET /health/live HTTP/1.1\r\nHost: example.com\r\n\r\n".to_owned(),
        format!("{get}\rSome-Header: Test\r\n\r\n"),
    ] {
        let answer = fragment(&still, &request).await;
        let status = answer.lines().next().unwrap_or_default();
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{request:?}");
    }
    // The preface of HTTP/2, which is not spoken in clear text.
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(fragment(&still, preface).await, "");
}

#[tokio::test(start_paused = true)]
async fn odd_requests_that_are_right_are_answered() {
    let still = Still::start().await;
    let body = form(&still.statistic("Row"));
    still.learn(&body).await;
    let length = body.len();
    let post = format!("POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\n{CREDENTIALS}");
    for request in [
        "GET /health/live HTTP/1.1\r\nHost: example.com\r\nExpect: 100-continue\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nHost: example.com\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nhoSt:\texample.com\r\nempty:\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nHost: example.com\r\nX-Empty-Header: \r\n\r\n".to_owned(),
        "\r\n\r\nGET /health/live HTTP/1.1\r\nHost: example.com\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.0\r\n\r\n".to_owned(),
        format!("{post}Content-Length: {length}\r\n\r\n{body}"),
        format!("{post}Content-Length: {length}\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"),
        // The chunks hold; what the length says is no request of its own.
        format!(
            "{post}content-LengtH: 5\r\nTransFer-Encoding: chunked\r\n\r\n\
             {length:x}\r\n{body}\r\n0\r\n\r\n"
        ),
    ] {
        let answer = fragment(&still, &request).await;
        assert!(answer.contains(" 200 OK\r\n"), "{request:?}: {answer}");
        assert_eq!(
            answer.matches("HTTP/1.").count(),
            1,
            "{request:?}: {answer}"
        );
    }
}
