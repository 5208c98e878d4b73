//! Many callers at once.

use std::sync::Arc;

use peekd::model::{ObjectType, Statistic};
use tokio::task::JoinSet;

use crate::harness::{World, login_time};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_first_peeks_cause_one_open_and_all_are_answered() {
    rlimit::increase_nofile_limit(8192).unwrap();
    let world = Arc::new(World::start().await);
    // The credentials are proven once, so that the herd is not kept waiting by Argon2.
    assert_eq!(world.peek(&login_time(), "").await.status, 200);
    let opens_before = world.pair.opens_total();
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let world = world.clone();
        callers.spawn(async move {
            let unseen = Statistic::new(
                "CurrNumberWaitingCalls",
                ObjectType::Queue,
                "9002@SIP_Switch",
                "Environment",
            );
            world.peek(&unseen, "").await.value()
        });
    }
    let answers = callers.join_all().await;
    assert_eq!(answers.len(), 1000);
    assert_eq!(world.pair.opens_total() - opens_before, 1);
}
