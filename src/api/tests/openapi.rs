//! The description's rows hold for the routes: who is let in without credentials, which method is
//! taken, and which statuses come back.

use serde_json::Value;

use super::*;

#[tokio::test]
async fn the_routes_do_what_the_description_says() {
    let bench = Bench::new(Table::example());
    let get = warp::test::request().path("/v1/openapi.json");
    let reply = bench.send(get.header("authorization", EXAMPLE_USER)).await;
    assert_eq!(reply.status, 200);
    let document: Value = serde_json::from_str(&reply.body).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (path, method, operation))
    });
    for (path, method, operation) in operations {
        let described = |status: u16| operation["responses"].get(status.to_string()).is_some();
        let method = method.to_uppercase();
        for (method, credentials, status) in [
            (method.as_str(), true, None),
            (method.as_str(), false, Some(401)),
            ("PATCH", true, Some(405)),
        ] {
            let body = if path.ends_with("statistics") {
                "a=T;Agent;K;E"
            } else {
                EXAMPLE
            };
            let mut request = anonymous(path, body).method(method);
            if credentials {
                request = request.header("authorization", EXAMPLE_USER);
            }
            let reply = bench.send(request).await;
            assert!(described(reply.status), "{method} {path}: {reply:?}");
            let is_free = operation["security"] == serde_json::json!([]);
            if let Some(status) = status.filter(|status| *status != 401 || !is_free) {
                assert_eq!(reply.status, status, "{method} {path}");
            }
        }
    }
}
