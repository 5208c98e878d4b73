//! Logins from outside: who gets in, who waits, what is remembered.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::time::advance;

use super::*;
use crate::api::Role;

/// A cheap hash would need parameters that `hash_password` does not take: one is made for all.
fn password_hash() -> SecretString {
    static HASH: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| hash_password("password"));
    HASH.clone().into()
}

fn users(names: &[&str]) -> Vec<User> {
    let user = |name: &&str| User {
        name: (*name).to_owned(),
        password_hash: password_hash(),
        tenants: None,
        role: Role::Viewer,
    };
    names.iter().map(user).collect()
}

fn basic(user: &str, password: &str) -> HeaderValue {
    let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
    HeaderValue::from_str(&format!("Basic {pair}")).unwrap()
}

const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

async fn every_slot(auth: &Authenticator) -> tokio::sync::SemaphorePermit<'_> {
    let slots = u32::try_from(checks_at_a_time()).unwrap();
    auth.checks.acquire_many(slots).await.unwrap()
}

#[tokio::test]
async fn only_the_right_password_of_a_known_user_gets_in() {
    let auth = Authenticator::new(users(&["default", "co:lon"]));
    let ok = auth.authenticate(&basic("default", "password"), HERE).await;
    assert_eq!(ok.unwrap().name, "default");
    for header in [
        basic("default", "wrong"),
        basic("default", ""),
        basic("nobody", "password"),
        // The dummy hash is one of the empty password.
        basic("nobody", ""),
        HeaderValue::from_static(""),
        HeaderValue::from_static("Basic"),
        HeaderValue::from_static("Basic !!!"),
        HeaderValue::from_static("Bearer ZGVmYXVsdDpwYXNzd29yZA=="),
        HeaderValue::from_bytes(b"Basic\xff").unwrap(),
    ] {
        let wrong = auth.authenticate(&header, HERE).await;
        assert_eq!(wrong.unwrap_err(), AuthError::Wrong);
    }
    let lower = HeaderValue::from_static("basic ZGVmYXVsdDpwYXNzd29yZA==");
    assert!(auth.authenticate(&lower, HERE).await.is_ok());
}

#[tokio::test]
async fn without_users_nobody_gets_in() {
    let auth = Authenticator::new(Vec::new());
    let wrong = auth.authenticate(&basic("default", "password"), HERE).await;
    assert_eq!(wrong.unwrap_err(), AuthError::Wrong);
}

#[tokio::test(start_paused = true)]
async fn proven_credentials_are_remembered_for_a_while_and_never_throttled() {
    let auth = Authenticator::new(users(&["default"]));
    let right = basic("default", "password");
    assert!(auth.authenticate(&right, HERE).await.is_ok());
    // With every slot taken, only the memory can answer.
    let slots = every_slot(&auth).await;
    assert!(auth.authenticate(&right, HERE).await.is_ok());
    drop(slots);

    for _ in 0..5 {
        let wrong = auth.authenticate(&basic("default", "guess"), HERE).await;
        assert_eq!(wrong.unwrap_err(), AuthError::Wrong);
    }
    let guess = auth.authenticate(&basic("default", "guess"), HERE).await;
    assert!(matches!(guess.unwrap_err(), AuthError::Throttled(_)));
    assert!(auth.authenticate(&right, HERE).await.is_ok());
    let elsewhere = auth.authenticate(&basic("default", "guess"), None).await;
    assert_eq!(elsewhere.unwrap_err(), AuthError::Wrong);

    // After the memory's time they are checked again, still past the throttle.
    advance(Duration::from_secs(61)).await;
    for _ in 0..9 {
        auth.authenticate(&basic("default", "guess"), HERE)
            .await
            .ok();
    }
    assert!(auth.authenticate(&right, HERE).await.is_ok());
}

#[tokio::test]
async fn the_queue_of_checks_is_bounded_and_identical_logins_share_one() {
    let auth = Arc::new(Authenticator::new(users(&["default"])));
    let slots = every_slot(&auth).await;
    let mut queue = Vec::new();
    while let Some(place) = auth.queue.enter(HERE) {
        queue.push(place);
    }
    queue.pop();

    let right = basic("default", "password");
    let mut same = futures_util::future::join_all((0..100).map(|_| {
        let (auth, right) = (Arc::clone(&auth), right.clone());
        async move { auth.authenticate(&right, HERE).await }
    }));
    // One poll brings the first to its check and the others behind it.
    assert!(futures_util::poll!(&mut same).is_pending());
    let other = auth.authenticate(&basic("default", "other"), HERE).await;
    assert_eq!(other.unwrap_err(), AuthError::Busy(BUSY_RETRY));
    let elsewhere = basic("default", "elsewhere");
    let mut elsewhere = Box::pin(auth.authenticate(&elsewhere, None));
    assert!(
        futures_util::poll!(&mut elsewhere).is_pending(),
        "has a place"
    );
    drop(elsewhere);

    drop((slots, queue));
    assert!(same.await.iter().all(Result::is_ok));
    assert_eq!(lock(&auth.proven).len(), 1);
    assert!(lock(&auth.pending).is_empty());
}

#[tokio::test]
async fn exchanged_users_are_forgotten_at_once() {
    let auth = Authenticator::new(users(&["default"]));
    let right = basic("default", "password");
    assert!(auth.authenticate(&right, HERE).await.is_ok());
    auth.replace_users(users(&["other"]));
    let gone = auth.authenticate(&right, HERE).await;
    assert_eq!(gone.unwrap_err(), AuthError::Wrong);
}

#[tokio::test]
async fn who_is_the_same_after_an_exchange_is_known_and_who_was_changed_is_not() {
    let same = users(&["default", "other"]);
    let auth = Authenticator::new(same.clone());
    let one = auth.authenticate(&basic("default", "password"), HERE).await;
    let one = one.unwrap();
    auth.replace_users(same.clone());
    assert!(auth.knows(&one));
    let mut bound = same;
    bound[0].tenants = Some(vec!["Environment".to_owned()]);
    auth.replace_users(bound);
    assert!(!auth.knows(&one));
    auth.replace_users(users(&["other"]));
    assert!(!auth.knows(&one));
}

#[test]
fn a_bound_user_sees_only_their_tenants() {
    let identity = |tenants: Option<&[&str]>| Identity {
        name: "x".to_owned(),
        tenants: tenants.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
        role: Role::Viewer,
    };
    assert!(identity(None).may_see("Resources"));
    assert!(identity(Some(&["Environment"])).may_see("Environment"));
    assert!(!identity(Some(&["Environment"])).may_see("environment"));
    assert!(!identity(Some(&[])).may_see(""));
}
