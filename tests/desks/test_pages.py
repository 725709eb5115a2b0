"""The console's working pages in a real browser, against the running product: each does what it is there for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import services
from tests.browser.chromium import ROOT, Browser, missing
from tests.desks.conftest import XSS, Desk

pytestmark = [pytest.mark.xdist_group("desks"), pytest.mark.timeout(180)]

PAGES = [
    "/playground",
    "/playground?as=code",
    "/playground?show=stages",
    "/catalogue",
    "/catalogue?tab=plan",
    "/catalogue?tab=violations",
    "/catalogue?tab=naming",
    "/catalogue?tab=personal",
    "/catalogue?tab=news",
    "/catalogue/web/track/Order%20Completed",
    "/warehouse",
    "/warehouse/web/order_completed",
    "/sql",
    "/quarantine",
    "/quarantine/0/0",
    "/replay",
    "/people",
    "/people?id=ana",
    "/people?id=acme",
    "/settings?key=sources.web.functions",
    "/settings?tab=all",
]
AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8") if not missing() else ""
CHECK = """
axe.run(document, {resultTypes: ["violations"], preload: false, ...%s}).then((found) =>
  found.violations.map(({id, help, nodes}) =>
    `${id}: ${help}: ${nodes.slice(0, 2).map((one) => `${one.target} ${one.html.slice(0, 90)}`).join(" | ")}`))
"""
FITS = "[document.documentElement, document.querySelector('.page')].every((one) => one.scrollWidth <= 390)"
SETTLED = "document.querySelector('h1') && !document.querySelector('[aria-busy=true], .spinner')"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    if lack := missing():
        services.miss("What a browser test needs", lack)
    with Browser() as browser:
        yield browser


@pytest.fixture
def page(chrome: Browser, desk: Desk) -> Iterator[Browser]:
    """A fresh page, logged in; whatever goes wrong in it fails the test."""
    chrome.open()
    chrome.goto(f"{desk.trackway.console_url}/login?token={desk.trackway.token}&next=/api/health")
    yield chrome
    # Text over a selection in the editor: Chromium would keep the old text's colours by an inline style. The policy
    # forbids it, as it should, and the editor colours the text by its own style sheet.
    by_the_browser = ("console Applying inline style", "policy style-src-attr inline :0")
    assert [one for one in chrome.problems() if not one.startswith(by_the_browser)] == []


def go(page: Browser, desk: Desk, path: str) -> None:
    page.goto(desk.trackway.console_url + path)
    page.until(SETTLED)


def texts(page: Browser, selector: str) -> list[str]:
    return page.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent.trim())")


def test_every_page_is_accessible_and_fits_wide_and_narrow(page: Browser, desk: Desk):
    go(page, desk, "/")
    page.evaluate(AXE + "; null")
    found: dict[str, list[str]] = {}
    for path in PAGES:
        page.size(1440, 900)
        page.scheme("light")
        page.visit(path, SETTLED)
        found[path] = page.evaluate(CHECK % "{}")
        # What a page is made of does not depend on its colours, so the dark one is only asked for these.
        page.scheme("dark")
        found[f"{path} dark"] = page.evaluate(CHECK % "{runOnly: ['color-contrast']}")
        page.size(390, 844)
        found[f"{path} narrow"] = [] if page.evaluate(FITS) else ["is too wide"]
    page.scheme("light")
    found = {where: what for where, what in found.items() if what}
    assert not found, json.dumps(found, indent=1)


def test_what_clients_send_is_text_on_every_page(page: Browser, desk: Desk):
    for path in (
        "/catalogue",
        "/catalogue?tab=news",
        "/catalogue?tab=personal",
        "/catalogue?tab=naming",
        "/catalogue?tab=violations",
        "/quarantine",
        f"/people?id={XSS}",
        "/catalogue/web/track/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "/quarantine?reason=no_user_anon_id",
    ):
        go(page, desk, path)
        assert page.count("main img") == 0, path
    go(page, desk, "/catalogue")
    assert any(XSS in row for row in texts(page, ".table tbody th"))
    call = {"type": "track", "event": XSS, "userId": XSS, "properties": {XSS: XSS}}
    go(page, desk, "/playground?as=json&show=result")
    page.until("document.querySelector('.editor-box')?.shadowRoot?.querySelector('.cm-content')")
    page.write(".play-editor .cm-content", json.dumps(call))
    page.until("document.querySelector('.play-result')?.textContent.includes('onerror')")
    page.click("text=The whole catalogue")
    page.until("document.querySelectorAll('.play-card').length > 5")
    assert page.count("main img") == 0


def test_a_call_is_made_up_judged_and_sent(page: Browser, desk: Desk):
    go(page, desk, "/playground")
    page.fill("[name=event]", "order completed")
    page.until("document.querySelector('.play-advice')?.textContent.includes('Known event: Order Completed')")
    assert "is required" in page.text(".play-advice")
    page.click(".play-chip.advised")
    page.until("document.querySelector('.play-result .json')?.textContent.includes('order_id')")
    assert texts(page, ".play-card-name small") == ["webhook, switched off", "mixpanel, switched off"]
    page.until("location.search.includes('call=')")  # the address follows a moment after the last key
    shared = page.url()
    page.click("text=Send it for real")
    page.until("[...document.querySelectorAll('.play-trace li.good')].length >= 2")
    assert "The collector answered 200" in page.text(".play-trace")
    page.until("document.querySelector('.play-trace')?.textContent.includes('loaded')")
    page.goto(shared)
    page.until("document.querySelector('.play-advice')?.textContent.includes('Order Completed')")
    assert page.evaluate("document.querySelector('[name=event]').value") == "order completed"


def test_code_is_read_and_what_is_wrong_with_it_is_said(page: Browser, desk: Desk):
    go(page, desk, "/playground?as=code")
    page.until("document.querySelector('.editor-box')?.shadowRoot?.querySelector('.cm-content')")
    page.write(".play-editor .cm-content", 'analytics.identify("u9", {email: "a@b.example"})')
    page.until("document.querySelector('.play-result .json')?.textContent.includes('a@b.example')")
    page.write(".play-editor .cm-content", "analytics.identify(userId)")
    page.until("document.querySelector('.play-wrong')?.textContent.includes('userId cannot be known here')")
    assert "a@b.example" in page.text(".play-result .json"), "the call before is still shown"


def test_a_refused_call_is_shown_as_refused_while_it_is_typed(page: Browser, desk: Desk):
    go(page, desk, "/playground?as=json")
    page.until("document.querySelector('.editor-box')?.shadowRoot?.querySelector('.cm-content')")
    page.write(".play-editor .cm-content", '{"type": "track", "event": 42, "userId": "u"}')
    page.until("document.querySelector('.play-verdict.bad')?.textContent.includes('event_not_string')")
    page.write(".play-editor .cm-content", '{"type": "track", ')
    page.until("document.querySelector('.play-verdict.bad')?.textContent.includes('body_not_json')")


def test_the_catalogue_leads_to_an_event_and_its_rule(page: Browser, desk: Desk):
    go(page, desk, "/catalogue")
    page.fill("[type=search]", "order")
    page.until("document.querySelectorAll('.table tbody tr').length <= 2")
    page.click("a.lead:has-text('Order Completed')")
    page.until("document.querySelector('h1')?.textContent === 'Order Completed'")
    page.until("document.querySelectorAll('.table tbody tr').length >= 3")
    page.click("text=Draft the rule anew")
    page.until("document.querySelector('dialog pre')?.textContent.includes('order_id')")
    page.press("Escape")
    page.until("!document.querySelector('dialog')")
    page.back()
    page.until("document.querySelector('h1')?.textContent === 'Catalogue & plan'")
    page.until("document.querySelector('[type=search]')?.value === 'order'")


def test_violations_show_samples_that_lead_to_the_event(page: Browser, desk: Desk):
    go(page, desk, "/catalogue?tab=violations")
    page.click("button.lead:has-text('Order Completed')")
    page.until("document.querySelectorAll('dialog .catalogue-samples a').length === 4")
    page.click("dialog .catalogue-samples a")
    page.until("location.pathname.startsWith('/events/events/')")


def test_sql_completes_runs_draws_and_can_be_cancelled(page: Browser, desk: Desk):
    go(page, desk, "/sql")
    page.until("document.querySelector('.editor-box')?.shadowRoot?.querySelector('.cm-content')")
    page.until("document.querySelectorAll('.sql-tables summary').length > 3")
    page.write(".sql-editor .cm-content", "")
    for key in "select 1":
        page.press("Space" if key == " " else key)
    content = "document.querySelector('.editor-box').shadowRoot.querySelector('.cm-content').textContent"
    page.until(f"{content} === 'select 1'")
    completion = "document.querySelector('.editor-box').shadowRoot.querySelector('.cm-tooltip-autocomplete')"
    page.write(".sql-editor .cm-content", "select * from web.ord")
    page.press("End")
    page.press("Control+Space")
    page.until(f"{completion}?.textContent.includes('order_completed')")
    page.press("Escape")
    page.write(".sql-editor .cm-content", "select i, i * 2 as two from range(10000) t(i)")
    page.select(".sql-actions select", "10000")
    page.press("Control+Enter")
    page.until("document.querySelector('.sql-head')?.textContent.includes('10,000 rows')")
    assert page.count(".grid-row") < 80, "only rows in sight are in the page"
    page.click(".grid")
    page.press("Control+End")
    page.until("document.querySelector('.grid-row .chosen')?.textContent === '19998'")
    page.write(".sql-editor .cm-content", "select count(*) from range(100000000000) a(i), range(1000) b(j)")
    page.click("text=Run")
    page.until("[...document.querySelectorAll('.sql-actions button')].some((one) => one.textContent === 'Cancel')")
    page.click("text=Cancel")
    page.until("document.querySelector('.sql-answer')?.textContent.includes('cancelled')")
    # Two run at a time: if the cancelled one still did, and were it twice, a third would wait for it.
    for _ in range(2):
        page.click("text=Run")
        page.until("[...document.querySelectorAll('.sql-actions button')].some((one) => one.textContent === 'Cancel')")
        page.click("text=Cancel")
        page.until("document.querySelector('.sql-answer')?.textContent.includes('cancelled')")
    page.write(".sql-editor .cm-content", "select event_text, count(*) as n from tracks group by all order by n desc")
    page.click("text=Run")
    page.until("document.querySelector('.sql-head')?.textContent.includes('rows in')")
    page.click("[role=radio]:has-text('Chart')")
    page.until("document.querySelectorAll('.bars tr').length > 1")


def test_the_warehouse_shows_its_loads_and_tables(page: Browser, desk: Desk):
    go(page, desk, "/warehouse")
    page.until("document.querySelector('main')?.textContent.includes('up to date')")
    page.click("a.lead:has-text('order_completed')")
    page.until("document.querySelectorAll('.grid-row').length > 0")
    page.until("[...document.querySelectorAll('.table th[scope=row]')].some((one) => one.textContent === 'order_id')")


def test_a_refused_call_is_mended_by_hand(page: Browser, desk: Desk):
    one = desk.get("/api/quarantine?reason=event_not_string&limit=1")["calls"][0]
    go(page, desk, f"/{one['position']}")
    page.until("document.querySelector('.json-bad')")
    page.until("document.querySelector('.quarantine-verdict.bad')")
    page.until("document.querySelector('.editor-box')?.shadowRoot?.querySelector('.cm-content')")
    body = {"type": "track", "event": "Mended In The Browser", "userId": "u1"}
    page.write(".quarantine-editor .cm-content", json.dumps(body))
    page.until("document.querySelector('.quarantine-verdict.good')")
    assert "Mended In The Browser" in page.text(".diff")
    page.click("text=Let it out")
    page.until("document.querySelector('.page-note')?.textContent.includes('let out')")
    names = desk.trackway.wait_for(
        lambda: [event.get("event") for event in desk.trackway.events() if event.get("event") == body["event"]],
        what="the mended call to become an event",
    )
    assert names == [body["event"]]


def test_a_group_is_looked_at_and_let_out(page: Browser, desk: Desk):
    for i in range(3):
        desk.trackway.post("/v1/batch", {"batch": [{"type": "track", "event": "Group Me", "properties": {"n": i}}]})
    desk.trackway.settle()
    go(page, desk, "/quarantine?group=web&reason=no_user_anon_id&pointer=%2FuserId&name=Group+Me")
    page.until("document.querySelectorAll('.table tbody tr').length === 3")
    page.click("text=Release the group")
    page.click("text=Look first")
    page.until("document.querySelector('dialog .notice')?.textContent.includes('0 of 3 would become events')")
    page.click("text=Change something in each of them")
    page.fill("[aria-label='Where, a JSON pointer']", "/userId")
    page.fill("[aria-label='Value, as JSON']", '"u-group"')
    page.click("text=Look first")
    page.until("document.querySelector('dialog .notice')?.textContent.includes('3 of 3 would become events')")
    page.click("text=Let them out")
    page.until("document.querySelector('dialog .notice')?.textContent.includes('3 of 3 were let out')")
    page.click("dialog .dialog-actions button")
    page.until("document.querySelector('main')?.textContent.includes('No call of this group waits')")


def test_a_replay_is_run_dry_and_ordered(page: Browser, desk: Desk):
    go(page, desk, "/replay?to=crm&range=all&again=1")
    page.click("text=Dry run")
    page.until("document.querySelector('.replay-preview')?.textContent.includes('looked at')")
    page.click("text=Start the replay")
    page.until("document.querySelector('dialog')")
    page.click("dialog .button.primary")
    page.until("/^\\/replay\\/\\d+$/.test(location.pathname)")
    page.until("document.querySelector('h1')?.textContent.startsWith('Replay ')")
    page.back()
    page.until("document.querySelectorAll('.table tbody tr').length >= 1")


def test_a_person_is_looked_up_by_keyboard(page: Browser, desk: Desk):
    go(page, desk, "/people")
    page.fill("[type=search]", "ana")
    page.press("Enter")
    page.until("document.querySelector('h1')?.textContent === 'ana'")
    page.until("[...document.querySelectorAll('.people-ids code')].some((one) => one.textContent === 'a-1')")
    page.until("document.querySelectorAll('.table tbody tr').length > 3")
    page.click(".people-links button:has-text('Undo')")
    page.until("document.querySelector('dialog:modal')?.textContent.includes('for good')")
    page.press("Escape")
    page.until("!document.querySelector('dialog')")


def test_the_group_of_a_person_shows_who_belongs_to_it(page: Browser, desk: Desk):
    go(page, desk, "/people?id=ana")
    page.click(".people-ids a:has-text('acme')")
    page.until("[...document.querySelectorAll('h2')].some((one) => one.textContent === 'Group acme')")
    page.until("document.querySelectorAll('.table tbody tr').length === 3")  # a trait and two members
    assert "Traits of the group" in texts(page, "h2")
    page.click(".table tbody tr:has-text('ana')")
    page.until("document.querySelector('h1')?.textContent === 'ana'")


def test_an_edit_of_the_file_is_seen_live(page: Browser, desk: Desk):
    go(page, desk, "/settings")
    page.click("[data-key='sources.web.name']")
    page.until("document.querySelector('.settings-about')?.textContent.includes('What people see')")
    page.press("ArrowDown")
    page.until("new URLSearchParams(location.search).get('key') === 'sources.web.write_keys'")
    file: Path = desk.trackway.folder / "trackway.yaml"
    before: str = file.read_text("utf-8")
    try:
        file.write_text(before + "lgo: {keep: 3 days}\n", "utf-8")
        page.until("document.querySelector('.settings-line.fresh')?.textContent.includes('lgo')")
        page.until("document.querySelector('.notice.bad')?.textContent.includes('did you mean log')")
    finally:
        file.write_text(before, "utf-8")
    page.until("!document.querySelector('.notice.bad')")


def test_empty_and_wrong_addresses_say_what_to_do(page: Browser, desk: Desk):
    cases: dict[str, str] = {
        "/people?id=nobody-at-all": "Nobody was joined under this id",
        "/quarantine?reason=schema_violation": "No call of this group waits",
        "/replay/x": "There is no such replay",
        "/warehouse/web/no_such_table": "There is no table web.no_such_table",
        "/catalogue/web/track/Never": "No such event has come",
    }
    for path, words in cases.items():
        page.goto(desk.trackway.console_url + path)
        page.until(f"document.querySelector('main')?.textContent.includes({json.dumps(words)})")


def test_options_hold(page: Browser, desk: Desk):
    go(page, desk, "/playground")
    seen: list[Any] = []
    for language in ("Python", "curl", "Go", "Rust"):
        page.click(f".play-snippets [role=tab]:has-text('{language}')")
        page.until(f"document.querySelector('.play-snippets [aria-selected=true]')?.textContent === '{language}'")
        seen.append(page.text(".play-snippets pre"))
    assert all("wk_web_for_tests" in text for text in seen)
    assert len(set(seen)) == 4
