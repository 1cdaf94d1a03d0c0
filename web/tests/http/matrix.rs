//! Every route of the table, asked by everybody: exactly those get through who have what it needs. Made from the table, so
//! that a new route is in it by itself.

use std::time::Duration;

use plant::access::{Right, Role};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::house::{House, PATIENCE, TEMP, WAVEFORM, config, history};

/// One request; only the status of its answer is waited for, because a live stream has no end.
async fn status(house: &House, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    let body = if method == "GET" { "" } else { "{}" };
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", house.address, body.len());
    head += "Content-Type: application/json\r\n";
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    socket.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
    let mut line = [0; 12];
    timeout(PATIENCE, socket.read_exact(&mut line)).await.expect("an answer in time").unwrap();
    std::str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}

/// The path of a template, with what there is in the plant: of one machine, 韶钢/三号风机 in the area 烧结.
fn filled(template: &str, alarm: &str) -> String {
    let encoded = |s: &str| s.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let (site, machine) = (encoded("韶钢"), encoded("三号风机"));
    let path = template.replace("{site}", &site).replace("{machine}", &machine).replace("{name}", "nobody");
    let path = path.replace("{serial}", "4a").replace("{number}", "1");
    let id = if template.contains("/alarms/") { alarm } else { WAVEFORM };
    let path = path.replace("{id}", id);
    let point = encoded(TEMP);
    match template {
        "/api/v1/live" => format!("{path}?machine={site}%2F{machine}"),
        t if t.contains("/series/")
            || t.contains("/export/")
            || t.ends_with("/waveforms")
            || t.ends_with("/waterfall") =>
        {
            format!("{path}?point={point}")
        }
        _ => path,
    }
}

async fn token(house: &House, name: &str, role: &str, areas: &[&str]) -> String {
    let body = json!({"name": name, "role": role, "areas": areas}).to_string();
    let local = format!("Bearer {}", crate::house::LOCAL);
    let headers = [("Content-Type", "application/json"), ("Authorization", local.as_str())];
    let reply = house.ask("POST", "/api/v1/tokens", &headers, &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    format!("Bearer {}", reply.json()["secret"].as_str().unwrap())
}

async fn closed() -> House {
    let limits = web::Config { action_timeout: Duration::from_millis(50), ..config() };
    let house = House::with(limits, Vec::new()).await;
    house.commit(history()).await;
    let by = web::By { who: "test".into(), origin: "here".into() };
    let lin = web::NewAccount { name: "lin".into(), role: "administrator".into(), ..web::NewAccount::default() };
    house.accounts.add(lin, &by).unwrap();
    house
}

async fn an_alarm(house: &House) -> String {
    let all = house.historian.register().alarms().unwrap();
    all[0].key.id().to_string()
}

#[tokio::test]
async fn every_role_gets_through_every_route_as_the_table_says() {
    let house = closed().await;
    let alarm = an_alarm(&house).await;
    let mut askers = vec![(None, None)];
    for role in Role::ALL {
        askers.push((Some(role), Some(token(&house, role.as_str(), role.as_str(), &[]).await)));
    }
    let routes = web::routes();
    assert!(routes.len() > 70 && routes.iter().any(|r| r.needs == "administer"));
    for route in &routes {
        let path = filled(route.path, &alarm);
        for (role, token) in &askers {
            let headers: Vec<_> = token.iter().map(|t| ("Authorization", t.as_str())).collect();
            let found = status(&house, &route.method, &path, &headers).await;
            let right = Right::ALL.into_iter().find(|r| r.as_str() == route.needs);
            let wanted = match (route.needs, role) {
                ("nothing", _) | ("account", Some(_)) => None,
                (_, None) => Some(401),
                (_, Some(role)) => (!role.has(right.expect("a right"))).then_some(403),
            };
            match wanted {
                Some(wanted) => assert_eq!(found, wanted, "{} {} as {role:?}", route.method, route.path),
                // That a body of nothing logs nobody in is no refusal of the route.
                None => assert!(!matches!(found, 401 | 403), "{} {} as {role:?}: {found}", route.method, route.path),
            }
        }
    }
}

#[tokio::test]
async fn rights_end_at_the_borders_of_areas() {
    let house = closed().await;
    let alarm = an_alarm(&house).await;
    let inside = token(&house, "inside", "engineer", &["s", "韶钢/烧结"]).await;
    let outside = token(&house, "outside", "engineer", &["s", "韶钢/炼钢"]).await;
    for route in web::routes() {
        let path = filled(route.path, &alarm);
        let granted = matches!(route.needs, "view" | "operate" | "configure");
        for (token, theirs) in [(&inside, true), (&outside, false)] {
            let found = status(&house, &route.method, &path, &[("Authorization", token)]).await;
            let wanted = match route.of {
                "" => false,
                _ if !granted => true,
                "plant" => true,
                // Of what is not theirs these say nothing.
                "seen" => false,
                _ => !theirs,
            };
            let what = format!("{} {} inside: {theirs}", route.method, route.path);
            match wanted {
                true => assert_eq!(found, 403, "{what}"),
                false => assert!(!matches!(found, 401 | 403), "{what}: {found}"),
            }
        }
    }
}

#[tokio::test]
async fn while_nobody_administers_everything_is_open_here_but_making_accounts() {
    let house = House::with(web::Config { action_timeout: Duration::from_millis(50), ..config() }, Vec::new()).await;
    house.commit(history()).await;
    let alarm = an_alarm(&house).await;
    for route in web::routes() {
        let found = status(&house, &route.method, &filled(route.path, &alarm), &[]).await;
        assert!(!matches!(found, 401 | 403), "{} {}: {found}", route.method, route.path);
    }
    for path in ["/api/v1/users", "/api/v1/tokens"] {
        let reply = house.post(path, r#"{"name":"x","role":"administrator"}"#).await;
        assert_eq!(reply.status, 409, "{path}: {}", reply.text());
        assert!(reply.text().contains("no administrator yet"), "{}", reply.text());
    }
}
