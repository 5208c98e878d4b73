//! What a client keeps to itself is in no answer. That it is in no log and in no store is shown by
//! a run of the whole service, in `tests/it/secrets.rs`.

use super::sockets::{closing, start};
use super::*;

#[tokio::test]
async fn no_password_reaches_an_answer() {
    let table = Table::default().with(EXAMPLE_STATISTIC, Err(PeekError::Unavailable));
    let server = start(table, config()).await;
    // "default:canary" and "default:password" as clients send them.
    let secrets = ["canary", "ZGVmYXVsdDpjYW5hcnk=", "ZGVmYXVsdDpwYXNzd29yZA=="];
    let wrong = "Authorization: Basic ZGVmYXVsdDpjYW5hcnk=\r\n";
    let post = "POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\n";
    let multipart = "Content-Type: multipart/form-data; boundary=XX\r\n";
    let part = "--XX\r\nContent-Disposition: form-data; name=\"tenantPassword\"\r\n\r\ncanary";
    for request in [
        closing(
            post,
            &EXAMPLE.replace("tenantPassword=", "tenantPassword=canary"),
        ),
        closing(post, "tenantPassword=canary%ff"),
        closing(
            post,
            "objectId=a&canary&objectType=canary&tenant=E&metric=T",
        ),
        closing(&format!("{post}{multipart}"), part),
        closing(&format!("{post}{wrong}"), EXAMPLE),
        closing(post, EXAMPLE).replace(EXAMPLE_USER, "Basic ZGVmYXVsdDpjYW5hcnk="),
        "POST /genesys/1/statistics HTTP/1.1\r\nHost: x\r\n".to_owned() + &closing("", "canary"),
    ] {
        let answer = server.exchange(request).await;
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        for secret in secrets {
            assert!(!answer.contains(secret), "{answer}");
        }
    }
    server.stop.cancel();
    server.task.await.unwrap();
}
