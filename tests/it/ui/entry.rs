//! Item entry in a real browser: faults at their fields, an answer that is lost, a session that ends meanwhile, and the photo.

use serde_json::json;

use crate::ui::Desk;

#[test]
fn an_item_is_entered_once_whatever_happens_on_the_way() {
    let Some(mut desk) = Desk::open() else {
        return;
    };
    let case = desk.make("/v1/cases", &json!({"title": "Keys on the quay"}));
    let case = case["display_id"].as_str().unwrap();
    desk.visit("/evidence/new");
    desk.signs_in();

    // All faults at once, each at its field; nothing that was typed is lost.
    desk.types("#field-category", "Found property");
    desk.types("#field-barcode", "BAG-30550");
    desk.clicks(".send button");
    desk.sees("It is not filed yet.");
    desk.finds("#field-case_id[aria-invalid=true]");
    desk.finds("#field-description-fault");
    desk.types("#field-description", "Three keys");
    desk.browser
        .wait_until("document.querySelector('#field-description-fault') === null");
    assert_eq!(
        desk.browser
            .value("document.querySelector('#field-category').value"),
        "Found property"
    );
    desk.is_sound();

    // The case is looked up as one types.
    desk.types("#field-case_id", "quay");
    desk.clicks("#cases-found button");
    desk.browser.wait_until(&format!(
        "document.querySelector('#field-case_id').value.startsWith({})",
        json!(case)
    ));
    desk.types("#field-description", "Three keys on a ring");

    // What was typed outlives the page and the session.
    desk.browser.value(
        "globalThis.isOld = true; fetch('/v1/session', {method: 'DELETE'}).then(() => location.reload())",
    );
    desk.browser.wait_until("globalThis.isOld === undefined");
    desk.signs_in();
    desk.finds("#field-description");
    let typed = "document.querySelector('#field-description').value";
    assert_eq!(desk.browser.value(typed), "Three keys on a ring");
    let photo = desk.place.file("keys.png");
    std::fs::write(&photo, picture()).unwrap();
    choose(&mut desk, "#files", photo.to_str().unwrap());
    desk.finds(".chosen img[src^='blob:']");

    loses_session_and_answer(&mut desk);

    // The item's page, and its photo on the way.
    desk.browser
        .wait_until("location.pathname === '/evidence/EVD-0001'");
    for text in [
        "Three keys on a ring",
        "Found property",
        "BAG-30550",
        "Ana Ruiz",
        "keys.png",
        case,
    ] {
        desk.sees(text);
    }
    desk.browser
        .wait_until("document.querySelector('.pictures img')?.naturalWidth > 0");
    let items = desk.read("/v1/evidence");
    assert_eq!(items["data"].as_array().unwrap().len(), 1, "{items}");
    assert_eq!(items["data"][0]["files"].as_array().unwrap().len(), 1, "{items}");
    sends_a_photo_when_the_connection_is_back(&mut desk);
    // What was typed is gone with the item that it became.
    desk.clicks("a[href='/evidence/new']");
    desk.finds("#field-description");
    assert_eq!(desk.browser.value(typed), "");

    desk.types("#field-case_id", case);
    refuses_the_same_barcode(&mut desk);
}

/// Files what was typed while the session ends: the page is covered, and goes on where it was. Then the answer is lost.
fn loses_session_and_answer(desk: &mut Desk) {
    desk.browser
        .value("fetch('/v1/session', {method: 'DELETE'}).then(() => { globalThis.ended = true; })");
    desk.browser.wait_until("globalThis.ended === true");
    let answered = json!({"patterns": [{"urlPattern": "*/v1/evidence", "requestStage": "Response"}]});
    desk.browser.call("Fetch.enable", &answered);
    desk.clicks(".send button");
    let refused = desk.browser.next_event("Fetch.requestPaused");
    assert_eq!(refused["responseStatusCode"], 401);
    let go_on = |desk: &mut Desk, id: &serde_json::Value| {
        desk.browser
            .call("Fetch.continueRequest", &json!({"requestId": id}))
    };
    go_on(desk, &refused["requestId"]);
    desk.sees("Please sign in again");
    desk.signs_in();
    let made = desk.browser.next_event("Fetch.requestPaused");
    assert_eq!(made["responseStatusCode"], 201);
    let lost = json!({"requestId": made["requestId"], "errorReason": "ConnectionReset"});
    desk.browser.call("Fetch.failRequest", &lost);
    let again = desk.browser.next_event("Fetch.requestPaused");
    assert_eq!(again["responseStatusCode"], 200, "the same item, filed before");
    go_on(desk, &again["requestId"]);
    desk.browser.call("Fetch.disable", &json!({}));
}

/// A photo that could not be sent was lost without a word once one left the item's page.
fn sends_a_photo_when_the_connection_is_back(desk: &mut Desk) {
    desk.link.cut();
    let notes = desk.place.file("notes.txt");
    std::fs::write(&notes, "On the quay").unwrap();
    choose(desk, "#files input", notes.to_str().unwrap());
    desk.sees("1 file of EVD-0001 was not sent.");
    desk.clicks(".wordmark");
    desk.finds(".home");
    desk.sees("1 file of EVD-0001 was not sent.");
    desk.clicks(".standing a");
    desk.link.mend();
    desk.finds("#files .rows a[href*='/files/']");
    desk.sees("notes.txt");
    desk.browser
        .wait_until("document.querySelector('.standing') === null");
}

/// A second item under the same barcode is told so at the barcode.
fn refuses_the_same_barcode(desk: &mut Desk) {
    desk.types("#field-description", "Another bag");
    desk.types("#field-barcode", "BAG-30550");
    desk.clicks(".send button");
    desk.finds("#field-barcode-fault");
    // Begun anew by a slip, it is brought back.
    let barcode = "document.querySelector('#field-barcode').value";
    desk.clicks(".send .quiet");
    desk.browser.wait_until(&format!("{barcode} === ''"));
    desk.clicks(".send .text-button");
    desk.browser.wait_until(&format!("{barcode} === 'BAG-30550'"));
}

/// Puts a file into a field for files, as its dialogue would.
fn choose(desk: &mut Desk, selector: &str, file: &str) {
    let asked = json!({"expression": format!("document.querySelector('{selector}')")});
    let field = desk.browser.call("Runtime.evaluate", &asked)["result"]["objectId"].clone();
    desk.browser.call(
        "DOM.setFileInputFiles",
        &json!({"files": [file], "objectId": field}),
    );
}

/// A small picture.
fn picture() -> Vec<u8> {
    let picture = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 4, 90]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}
