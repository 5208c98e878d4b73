//! The documented endpoints: what is read from a body in each of its forms, and what an answer
//! looks like.

use super::*;

const VALUE: &str = "{\"value\":1025}";

fn miss(body: &str) -> String {
    answered(body, "0", "fwd=miss; detail=\"no value was known\"")
}

#[tokio::test(start_paused = true)]
async fn numbers_keep_their_digits_and_texts_are_strings() {
    let still = Still::start().await;
    let text = |text: &str| ScriptedValue::Text(text.to_owned());
    let number = |digits: &str| ScriptedValue::Number(digits.to_owned());
    for (row, (value, json)) in [
        (number("1025"), "1025"),
        (number("0"), "0"),
        (number("-7"), "-7"),
        (number("42.50"), "42.50"),
        (number("42.0"), "42"),
        (text("007"), "\"007\""),
        (text("NaN"), "\"NaN\""),
        (text("a \"b\"\\"), "\"a \\\"b\\\"\\\\\""),
        (text("äöü"), "\"äöü\""),
    ]
    .into_iter()
    .enumerate()
    {
        let statistic = still.statistic(&format!("Row{row}"));
        still.world.pair.simulator.set(&statistic, value);
        let answer = still.post("statistic", "", &form(&statistic)).await;
        assert_eq!(answer, miss(&format!("{{\"value\":{json}}}")));
    }
}

#[tokio::test(start_paused = true)]
async fn every_form_of_a_body_asks_the_same() {
    let still = Still::start().await;
    still.learn(&form(&still.statistic("Row A"))).await;
    let hit = answered(VALUE, "0", "hit");
    let fields = [
        "objectId=Row%20A&objectType=Agent&tenant=Environment&metric=TotalLoginTime",
        "metric=TotalLoginTime&tenant=Environment&objectType=Agent&objectId=Row+A",
        "objectId=Row+A&objectType=aGENT&tenant=Environment&statisticType=TotalLoginTime",
        "objectId=Row+A&objectType=Agent&tenant=Environment&metric=TotalLoginTime&tenantPassword=",
        "objectId=Row+A&objectType=Agent&tenant=Environment&metric=TotalLoginTime&&more=1&more=2&",
        "objectId=Row+A&objectType=Agent&tenant=Environment&metric=TotalLoginTime&filter=\
         &timeProfile=&timeRange=&timeRange2=&notificationMode=Periodical",
    ];
    for body in fields {
        for endpoint in ["statistic", "internal_statistic"] {
            assert_eq!(still.post(endpoint, "", body).await, hit, "{body}");
        }
    }
    let body = fields[0];
    for content_type in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
    ] {
        let header = format!("Content-Type: {content_type}\r\n");
        assert_eq!(still.post("statistic", &header, body).await, hit);
    }
    let part = |(name, value)| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts: String = [
        ("objectId", "Row A"),
        ("objectType", "Agent"),
        ("tenant", "Environment"),
        ("metric", "TotalLoginTime"),
    ]
    .map(part)
    .concat();
    let header = "Content-Type: multipart/form-data; boundary=XX\r\n";
    let multipart = format!("{parts}--XX--\r\n");
    assert_eq!(still.post("statistic", header, &multipart).await, hit);

    let absolute = posting("statistic", "", body).replace(" /", " http://127.0.0.1:8080/");
    assert_eq!(still.exchange(&absolute).await, hit);
    let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let (head, tail) = body.split_at(20);
    let chunked = format!(
        "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{head}\r\n{:X};ext=1\r\n{tail}\r\n0\r\nT: x\r\n\r\n",
        head.len(),
        tail.len(),
    );
    let chunked = posting("statistic", "", body).replace(&length, &chunked);
    assert_eq!(still.exchange(&chunked).await, hit);
}

#[tokio::test(start_paused = true)]
async fn several_come_back_under_the_clients_names_in_the_order_asked() {
    let still = Still::start().await;
    let (first, second) = (still.statistic("First"), still.statistic("Second"));
    still.script(&second, "2.50");
    still.learn(&form(&first)).await;
    tokio::time::advance(Duration::from_secs(7)).await;
    still.learn(&form(&second)).await;
    for (body, json, age) in [
        (format!("a={first}"), "{\"a\":1025}", "7"),
        (format!("a={second}"), "{\"a\":2.50}", "0"),
        (
            format!("b={second}&a={first}"),
            "{\"b\":2.50,\"a\":1025}",
            "7",
        ),
        (format!("%22={first}"), "{\"\\\"\":1025}", "7"),
        (
            format!("a={first}&c={first}"),
            "{\"a\":1025,\"c\":1025}",
            "7",
        ),
    ] {
        let answer = still.post("statistics", "", &body).await;
        assert_eq!(answer, answered(json, age, "hit"), "{body}");
    }
}
