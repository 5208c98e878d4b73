//! What a client keeps to itself is in no log, whatever the level.

use std::io;

use tracing_subscriber::fmt::MakeWriter;

use super::sockets::{closing, start};
use super::*;

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_password_reaches_a_log_or_an_answer() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);

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
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("Statistic Service unavailable"), "{log}");
    for secret in secrets {
        assert!(!log.contains(secret), "{log}");
    }
}
