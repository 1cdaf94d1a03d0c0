//! Who is told of alarms: the log by pages, and tests.

use crate::house::House;

#[tokio::test]
async fn the_log_is_read_by_pages_and_what_is_not_known_is_refused() {
    let house = House::open().await;
    let ids = |page: &serde_json::Value| {
        page["log"].as_array().unwrap().iter().map(|a| a["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let first = house.json("/api/v1/notifications?limit=3").await;
    assert_eq!((ids(&first), &first["next"]), (vec![3, 2, 1], &1.into()));
    let last = house.json("/api/v1/notifications?limit=3&before=1").await;
    assert_eq!((ids(&last), &last["next"]), (vec![0], &serde_json::Value::Null));
    for bad in ["limit=0", "limit=501", "before=x", "page=2"] {
        assert_eq!(house.get(&format!("/api/v1/notifications?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_test_is_asked_for_by_channel_or_person_and_says_what_happened() {
    let house = House::open().await;
    for (body, status) in [
        ("{\"channel\":\"group\"}", 200),
        ("{\"channel\":\"closed\"}", 503),
        ("{\"channel\":\"none\"}", 400),
        ("{}", 400),
        ("", 400),
        ("[]", 400),
        ("{\"channel\":1}", 400),
        ("{\"chanel\":\"group\"}", 400),
    ] {
        let reply = house.post("/api/v1/notifications/test", body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
    }
    assert_eq!(house.get("/api/v1/notifications/test").await.status, 405);
}
