//! Pages in a real browser: signing in and out, the page of every `reviewPath`, what happens while one looks.

use serde_json::{Value as Json, json};

use crate::ui::Desk;

/// A case with all that a page of it shows, and a report beside it. Gives their numbers.
fn story(desk: &Desk) -> Vec<String> {
    let number = |record: &Json| record["display_id"].as_str().unwrap().to_owned();
    let case = json!({"title": "Broken <b>window</b>", "description": "Glass on the quay.", "priority": "high", "tags": ["Quay"]});
    let case = desk.make("/v1/cases", &case);
    let inside = |part: &str| format!("/v1/cases/{}/{part}", number(&case));
    let pickup = json!({"kind": "vehicle", "display_name": "Grey pickup", "attributes": {"plate": "KTR 4471", "colour": "grey"}});
    let pickup = desk.make("/v1/entities", &pickup);
    desk.make(
        &inside("entities"),
        &json!({"entity_id": pickup["id"], "role": "seen there"}),
    );
    let entry =
        json!({"timestamp": "2026-11-16T07:40:00Z", "description": "Glass was heard", "severity": "high"});
    desk.make(&inside("timeline"), &entry);
    desk.make(&inside("team"), &json!({"name": "Miguel Santos", "role": "lead"}));
    let item = json!({"case_id": number(&case), "type": "physical", "description": "A brass key", "location": "Shelf C-04"});
    let item = desk.make("/v1/evidence", &item);
    let chain = desk.read(&format!("/v1/evidence/{}/custody", number(&item)));
    let step = json!({"action": "stored", "place": "Locker 7", "follows": chain["data"]["follows"]});
    desk.make(&format!("/v1/evidence/{}/custody", number(&item)), &step);
    let report = json!({"location": {"x": -70.26, "y": 43.66}, "description": "A window is broken", "reporter": {"name": "Desk", "phone": "+12075550126"},
        "category": {"category_id": 1}});
    let report = desk.make("/v1/reports", &report);
    let told = json!([{"type": "text", "text": "Somebody is inside"}]);
    let said = desk.server.post(
        &format!("/v1/reports/{}/chat/messages", report["report_id"]),
        &desk.key,
        &told,
    );
    assert_eq!(said.status, 200, "{}", said.body);
    vec![
        number(&case),
        number(&item),
        number(&pickup),
        report["report_id"].to_string(),
    ]
}

fn watch_for(desk: &Desk, plate: &str) {
    let list = json!({"name": "Quays", "purpose": "Find it", "owner": "Desk", "severity": "critical", "handling": "Call first.",
        "entries": [{"type": "plate", "value": plate}]});
    desk.make("/v1/watchlists", &list);
}

#[test]
fn every_review_path_opens_its_page_for_whoever_signs_in_there() {
    let Some(mut desk) = Desk::open() else {
        return;
    };
    let numbers = story(&desk);
    watch_for(&desk, "KTR-4471");
    let case = &numbers[0];
    let told = desk.read("/v1/events?after=0&limit=500&types=case.alert.*&wait=60s");
    let path = told["data"][0]["reviewPath"].as_str().unwrap().to_owned();
    assert_eq!(path, format!("/cases/{case}/alerts/critical"));

    signs_in_at(&mut desk, &path);
    desk.sees("Alerts: critical");
    desk.finds("[data-alert].critical.marked");
    desk.browser
        .wait_until("document.activeElement?.id === 'alerts-title'");
    for text in [
        "Broken <b>window</b>",
        "Call first.",
        "Glass on the quay.",
        "Grey pickup",
        "Glass was heard",
        "A brass key",
        "Miguel Santos",
        "Quay",
        "Priority: high",
    ] {
        desk.sees(text);
    }
    desk.is_sound();
    deals_with_the_alert(&mut desk);

    shows_a_page_of_each(&mut desk, &numbers);
    desk.clicks(".wordmark");
    desk.sees("Cases, the last changed first");
    desk.clicks(".menu button");
    desk.finds("#email");
    desk.is_sound();
    loses_the_way(&mut desk);
}

/// The case, the item, the entity and the report of these numbers, and what is nowhere.
fn shows_a_page_of_each(desk: &mut Desk, numbers: &[String]) {
    let [case, item, pickup, report] = numbers else {
        panic!("{numbers:?}");
    };
    let pages: [(String, &[&str]); 5] = [
        (format!("/cases/{case}"), &["Broken <b>window</b>", "Alerts"]),
        (
            format!("/evidence/{item}"),
            &[
                "A brass key",
                "Chain of custody",
                "Collected",
                "Locker 7",
                "Sequence no.\n1",
                case,
            ],
        ),
        (
            format!("/entities/{pickup}"),
            &["Grey pickup", "KTR 4471", "Seen there", case],
        ),
        (
            format!("/reports/{report}"),
            &[
                "A window is broken",
                "Somebody is inside",
                "Violence",
                "+12075550126",
                "Received",
            ],
        ),
        (
            "/cases/INV-1999-0001".to_owned(),
            &["There is nothing here for you"],
        ),
    ];
    for (path, texts) in pages {
        desk.visit(&path);
        texts.iter().for_each(|text| desk.sees(text));
        desk.is_sound();
    }
}

/// At an address without a page, where nobody is asked to sign in for nothing.
fn loses_the_way(desk: &mut Desk) {
    let told = "There is no page at this address";
    desk.visit("/case/INV-2026-0001");
    desk.sees(told);
    desk.clicks(".message a");
    desk.signs_in();
    desk.visit("/case/INV-2026-0001");
    desk.finds(".top .wordmark");
    desk.sees(told);
}

/// Whoever has no session is asked for one, and then reads what the address names.
fn signs_in_at(desk: &mut Desk, path: &str) {
    desk.visit(path);
    desk.finds("#email");
    desk.types("#email", "ana@metro.example");
    desk.types("#password", "wrong");
    desk.clicks(".sign-in button");
    desk.sees("The e-mail address or the password is wrong, or the account is locked.");
    desk.signs_in();
}

/// On the page that shows the alert.
fn deals_with_the_alert(desk: &mut Desk) {
    desk.clicks("[data-alert] .deeds button");
    desk.finds("[data-alert].acknowledged");
    // Who goes by keys is where it happened.
    desk.browser
        .wait_until("document.activeElement?.id.startsWith('state-') === true");
    assert_eq!(desk.read("/v1/alerts")["data"][0]["status"], "acknowledged");
    desk.clicks("[data-alert] .deeds button:last-child");
    desk.types(".why input", "Another pickup");
    desk.clicks(".why button");
    desk.finds("[data-alert].dismissed");
    desk.sees("Dismissed: Another pickup");
}

#[test]
fn all_cases_are_listed_a_part_at_a_time_and_by_their_status() {
    let Some(mut desk) = Desk::open() else {
        return;
    };
    for number in 1..=40 {
        let case = desk.make("/v1/cases", &json!({"title": format!("Case no. {number}.")}));
        if number == 7 {
            let path = format!("/v1/cases/{}", case["id"].as_str().unwrap());
            let json = "Content-Type: application/json\r\n";
            let body = br#"{"data":{"status":"suspended"}}"#;
            let told = desk.server.ask("PATCH", &path, Some(&desk.key), json, body);
            assert_eq!(told.unwrap().status, 200);
        }
    }
    signs_in_at(&mut desk, "/");
    desk.clicks("nav a[href='/cases']");
    desk.sees("Case no. 40.");
    let titles = "[...document.querySelectorAll('.row .clamp')].map((title) => title.innerText)";
    let named = |numbers: std::ops::RangeInclusive<u32>| {
        numbers
            .rev()
            .map(|number| format!("Case no. {number}."))
            .collect::<Json>()
    };
    assert_eq!(desk.browser.value(titles), named(11..=40));
    desk.is_sound();
    desk.clicks("nav[aria-label='Further cases'] a");
    desk.sees("Case no. 10.");
    assert_eq!(desk.browser.value(titles), named(1..=10));
    desk.clicks("a[href='/cases?status=suspended']");
    desk.browser
        .wait_until(&format!("JSON.stringify({titles}) === '[\"Case no. 7.\"]'"));
    desk.clicks("a[href='/cases?status=closed']");
    desk.sees("No case that is open to you is closed.");
    desk.is_sound();
    // What is made meanwhile appears by itself.
    desk.clicks("nav.choices a[href='/cases']");
    desk.sees("Case no. 40.");
    desk.make("/v1/cases", &json!({"title": "Case no. 41."}));
    desk.sees("Case no. 41.");
    reads_a_long_list_to_its_end(&mut desk);
}

/// What is cut says so, and how to see the rest.
fn reads_a_long_list_to_its_end(desk: &mut Desk) {
    let case = desk.make("/v1/cases", &json!({"title": "Talked about"}));
    let case = case["display_id"].as_str().unwrap();
    for number in 1..=31 {
        desk.make(
            &format!("/v1/cases/{case}/notes"),
            &json!({"text": format!("Note no. {number}.")}),
        );
    }
    desk.visit(&format!("/cases/{case}"));
    desk.sees("Notes 30+");
    assert_eq!(
        desk.browser
            .value("document.querySelectorAll('.notes li').length"),
        30
    );
    let author = "document.querySelector('.notes .soft').innerText.endsWith(' by test')";
    assert_eq!(desk.browser.value(author), true);
    desk.clicks("#notes .further button");
    desk.sees("Notes 31");
    assert_eq!(
        desk.browser
            .value("document.querySelectorAll('.notes li').length"),
        31
    );
    desk.is_sound();
}

#[test]
fn what_happens_appears_while_one_looks_and_the_search_finds_everything() {
    let Some(mut desk) = Desk::open() else {
        return;
    };
    let numbers = story(&desk);
    watch_for(&desk, "LNX-2098");
    desk.visit(&format!("/cases/{}", numbers[0]));
    desk.signs_in();
    desk.sees("Glass was heard");
    // Nothing but what is subscribed is told: until then the page would not hear of it.
    desk.browser
        .wait_until("document.documentElement.dataset.live === 'on'");
    let entry =
        json!({"timestamp": "2026-11-16T08:00:00Z", "description": "A van with the plate LNX 2098 left"});
    desk.make(&format!("/v1/cases/{}/timeline", numbers[0]), &entry);
    desk.sees("A van with the plate LNX 2098 left");
    desk.finds("[data-alert].critical");
    desk.is_sound();
    // What one has before one's eyes is no news for long.
    desk.browser
        .value("document.querySelector('[data-alert]').scrollIntoView({block: 'center'})");
    desk.browser
        .wait_until("document.querySelector('.news') === null");
    desk.clicks("nav a[href='/evidence/new']");
    desk.sees("New item of evidence");
    let entry = json!({"timestamp": "2026-11-16T08:30:00Z", "description": "LNX 2098 again"});
    desk.make(&format!("/v1/cases/{}/timeline", numbers[0]), &entry);
    desk.sees("New alert");
    for text in ["What to do: Call first.", "LNX 2098: the same plate"] {
        desk.sees(text);
    }
    desk.clicks(".news a");
    desk.sees("Alerts: critical");
    desk.browser
        .wait_until("document.querySelector('.news') === null");

    // A connection that is lost is shown; what happened meanwhile is there when it comes back.
    desk.browser
        .value("document.querySelector('.record').dataset.isOld = true");
    desk.link.cut();
    desk.sees("Connection lost.");
    let entry = json!({"timestamp": "2026-11-16T09:00:00Z", "description": "The van is back"});
    desk.make(&format!("/v1/cases/{}/timeline", numbers[0]), &entry);
    desk.link.mend();
    desk.sees("The van is back");
    desk.finds(".record[data-is-old]");
    desk.browser
        .wait_until("!document.body.innerText.includes('Connection lost.')");
    goes_by_keys(&mut desk, &numbers[2]);
    acknowledges_the_first_of_two(&mut desk);
}

/// A second click at the same place acknowledged the next alert, unread.
fn acknowledges_the_first_of_two(desk: &mut Desk) {
    desk.clicks(".wordmark");
    desk.sees("Alerts that wait 2");
    let ids = "[...document.querySelectorAll('[data-alert]')].map((row) => row.dataset.alert)";
    let before = desk.browser.value(ids);
    desk.clicks("[data-alert] .deeds button");
    desk.sees("Alerts that wait 1");
    desk.finds("[data-alert]:first-child.acknowledged");
    desk.finds("[data-alert]:last-child.raised");
    assert_eq!(desk.browser.value(ids), before);
    desk.is_sound();
}

/// By the keyboard alone.
fn goes_by_keys(desk: &mut Desk, pickup: &str) {
    let press = |desk: &mut Desk, key: &str, text: Option<&str>| {
        let code = if key == "Enter" { 13 } else { 0 };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            if let Some(text) = text.filter(|_| kind == "keyDown") {
                event["text"] = json!(text);
            }
            desk.browser.call("Input.dispatchKeyEvent", &event);
        }
    };
    press(desk, "/", Some("/"));
    desk.browser.wait_until("document.activeElement?.id === 'search'");
    desk.types("#search", "zzqq");
    desk.sees("Nothing found for “zzqq”.");
    press(desk, "Escape", None);
    desk.finds("search .found[hidden]");
    assert_eq!(
        desk.browser.value("document.querySelector('#search').value"),
        "zzqq"
    );
    desk.types("#search", "foo:bar");
    desk.sees("There is no filter foo:. To search it as text write \"foo:bar\".");
    desk.types("#search", "pickup");
    desk.finds("#found .hit mark, #found .hit");
    press(desk, "ArrowDown", None);
    desk.finds("#found [aria-selected=true]");
    press(desk, "Enter", Some("\r"));
    desk.browser
        .wait_until(&format!("location.pathname === '/entities/{}'", pickup));
    desk.sees("Grey pickup");
    desk.types("#search", "window");
    press(desk, "Enter", Some("\r"));
    desk.browser.wait_until("location.search === '?q=window'");
    // What was written is shown as it was written, and is no markup.
    desk.sees("Broken <b>window</b>");
    desk.is_sound();
}
