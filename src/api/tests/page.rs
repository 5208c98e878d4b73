//! The dashboard page's files: whom they are for, and what a browser may do with them.

use super::*;
use crate::dashboard::FILES;

fn get(path: &str) -> RequestBuilder {
    anonymous(path, "").method("GET")
}

#[tokio::test]
async fn every_file_is_there_for_everybody_with_its_type_and_under_a_strict_policy() {
    let bench = Bench::new(Table::example());
    for file in FILES {
        let reply = bench.send(get(file.path)).await;
        assert_eq!(reply.status, 200, "{}", file.path);
        assert_eq!(reply.body, file.body);
        assert_eq!(reply.header("content-type"), file.content_type);
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(reply.header("cache-control"), "no-cache");
        let policy = reply.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'none'",
        ] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let known = get(file.path).header("if-none-match", reply.header("etag"));
        let unchanged = bench.send(known).await;
        assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    }
    assert!(bench.was_asked_nothing());
}

#[tokio::test]
async fn only_the_listed_files_are_there_only_to_be_read_and_only_for_everybody() {
    let bench = Bench::new(Table::example());
    for path in [
        "/dashboard",
        "/dashboard/",
        "/dashboard/mod.rs",
        "/dashboard/index.html",
        "/dashboard/../Cargo.toml",
        "/index.html",
    ] {
        bench.send(get(path)).await.message(404);
    }
    let posted = bench.send(post("/", "")).await;
    assert_eq!(posted.header("allow"), "GET, HEAD");
    posted.message(405);
    let arrival = super::super::request::Arrival {
        face: super::super::Face::Internal,
        ..Default::default()
    };
    bench.send(get("/").extension(arrival)).await.message(404);
}
