//! Entities: what they send, what they take back, and several of them in one section.

use std::rc::Rc;
use std::time::{Duration, Instant};

use e2e::Host;
use serde_json::{Value, json};

use super::runner::for_each;

async fn deposit(host: &Host, account: &str, amount: u64) {
    host.signal("Account", account, "deposit", &json!(amount)).await;
    host.until_entity("Account", account, |state| state["balance"] == amount).await;
}

pub async fn a_failed_operation_is_rolled_back_with_what_it_sent(host: Rc<Host>) {
    deposit(&host, "poor", 5).await;
    let said = host.start_and_wait("SpoiledTransfer", &json!({"from": "poor", "to": "nobody", "amount": 6})).await;
    let failure = |operation| format!("Operation '{operation}' of entity '@account@poor' failed: there is not enough money");
    assert_eq!(said, format!("{}; {}", failure("send"), failure("hire")));
    // A later operation of the same sender arrives after anything that the failed ones could have sent.
    host.start_and_wait("SpoiledTransfer", &json!({"from": "poor", "to": "somebody", "amount": 2})).await;
    host.until_entity("Account", "somebody", |state| state["balance"] == 4).await;
    assert_eq!(host.entity("Account", "nobody").await, None);
    host.get("/instances/nobody-hired").await.expect_empty(404);
    assert_eq!(host.entity("Account", "poor").await, Some(json!({"balance": 1})));
}

pub async fn operations_signal_and_start(host: Rc<Host>) {
    deposit(&host, "rich", 10).await;
    let said = host.start_and_wait("SpoiledTransfer", &json!({"from": "rich", "to": "heir", "amount": 3})).await;
    assert_eq!(said, "7 left; 4 left");
    host.until_entity("Account", "heir", |state| state["balance"] == 6).await;
    host.until_status("heir-hired", "Completed").await;
}

pub async fn scheduled_signals_come_in_time(host: Rc<Host>) {
    let since = Instant::now();
    host.start_and_wait("SignalLater", &json!({"to": "later", "afterMs": [0, 60, 300, 86_400_000]})).await;
    host.until_entity("Account", "later", |state| state["balance"] == 3).await;
    assert!(since.elapsed() >= Duration::from_millis(300), "a signal came early, after {:?}", since.elapsed());

    deposit(&host, "slow-payer", 5).await;
    let since = Instant::now();
    host.signal("Account", "slow-payer", "send", &json!({"to": "patient-payee", "amount": 2, "after_ms": 200})).await;
    host.until_entity("Account", "patient-payee", |state| state["balance"] == 2).await;
    assert!(since.elapsed() >= Duration::from_millis(200), "a signal of an entity came early, after {:?}", since.elapsed());
}

/// Accounts that money is sent around between.
pub const ACCOUNTS: u64 = 5;
/// What each of them has at first.
pub const FIRST_BALANCE: u64 = 100;
/// How many transfers there are.
pub const TRANSFERS: u64 = 40;

pub fn account(number: u64) -> String {
    format!("bank-{}", number % ACCOUNTS)
}

/// The `number`-th transfer: every pair of accounts, in both directions, sometimes more than there is.
pub fn transfer(number: u64) -> Value {
    json!({"from": account(number), "to": account(number + 1 + number / ACCOUNTS % (ACCOUNTS - 1)), "amount": 7 * number % 60})
}

pub async fn transfers_at_the_same_time_conserve_the_total(host: Rc<Host>) {
    for number in 0..ACCOUNTS {
        deposit(&host, &account(number), FIRST_BALANCE).await;
    }
    for_each(0..TRANSFERS, 40, |number| {
        let host = host.clone();
        async move { assert!(host.start_and_wait("Transfer", &transfer(number)).await.is_boolean()) }
    })
    .await;
    assert_eq!(total(&host).await, ACCOUNTS * FIRST_BALANCE);
}

/// The sum of all balances, once nobody holds any of the accounts.
pub async fn total(host: &Host) -> u64 {
    let mut total = 0;
    for number in 0..ACCOUNTS {
        host.until_locked_by("Account", &account(number), None).await;
        let state = host.entity("Account", &account(number)).await.expect("it exists");
        total += state["balance"].as_u64().expect("a number");
    }
    total
}
