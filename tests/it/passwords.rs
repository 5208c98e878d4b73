//! Tenant passwords: who may see what is known.

use crate::harness::{World, form, login_time, post};

const PATH: &str = "/genesys/1/statistic";

#[tokio::test(flavor = "multi_thread")]
async fn a_needless_password_does_not_keep_the_value_from_others() {
    let world = World::start().await;
    let plain = form(&login_time());
    let needless = plain.replace("tenantPassword=", "tenantPassword=needless");
    assert_eq!(world.send(&post(PATH, "", &needless)).await.status, 200);
    // The first one without it asks the Stat Server, which accepts that.
    assert_eq!(world.send(&post(PATH, "", &plain)).await.status, 200);
    let only_stored = "Cache-Control: only-if-cached\r\n";
    for body in [&plain, &needless] {
        let stored = world.send(&post(PATH, only_stored, body)).await;
        assert_eq!(stored.status, 200, "{stored:?}");
    }
    let unproven = plain.replace("tenantPassword=", "tenantPassword=other");
    let stored = world.send(&post(PATH, only_stored, &unproven)).await;
    assert_eq!(stored.status, 504, "{stored:?}");
}
