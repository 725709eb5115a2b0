import threading
import time
from datetime import UTC, datetime

import pytest

from tests.browser.shop import Shop
from tests.console.harness import TOKEN, ConsoleServer, wait_until

pytestmark = pytest.mark.xdist_group("live view")  # one worker makes what they share

NAMES = "[...document.querySelectorAll('.row.entry .name')].map(name => name.textContent)"
SECONDS = 5
IDS = "[...document.querySelectorAll('.row.entry .cell-id')].map(cell => cell.textContent)"


def test_an_event_appears_by_itself_with_all_it_says(page, console):
    page.until("document.querySelector('.nothing')?.textContent.includes('Waiting for your first event')")
    console.event(
        event="Order Completed", userId="u7", messageId="m7", source="app", findings=[("id_was_number", "/userId")]
    )
    page.until("document.querySelector('.row.entry')")
    time_shown, *rest = page.text(".row.entry").split()
    assert time_shown == page.text(".row.entry time")
    assert " ".join(rest) == "Accepted track Order Completed Findings: id_was_number u7 Mobile app m7"
    console.quarantine(b'{"type":"track","event":7}', ("event_not_string", "/event", "`event` must be text."))
    console.duplicate({"type": "track", "messageId": "m7"}, of=0)
    page.until("document.querySelectorAll('.row.entry').length === 3")
    assert page.count(".row.entry.quarantined:has-text('event_not_string')") == 1
    assert page.count(".row.entry.dropped:has-text('duplicate')") == 1
    assert page.evaluate(IDS)[-1] == "m7"


def test_the_empty_state_has_a_line_to_paste_for_each_source(page, console):
    page.until("document.querySelectorAll('.snippet').length === 2")
    lines = page.evaluate("[...document.querySelectorAll('.snippet pre')].map(each => each.textContent)")
    assert lines == [
        f"curl -u {key}: -H 'Content-Type: application/json' -d "
        """'{"userId":"user-1","event":"Hello Trackway","properties":{"from":"curl"}}' http://127.0.0.1:8080/v1/track"""
        for key in ("wk_shop_4f2a9c", "wk_app_77b0e1")
    ]
    page.click(".snippet button")
    page.until("document.querySelector('.snippet button').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == lines[0]


def test_counts_move_and_open_into_reasons(page, console):
    console.quarantine(b"{}", ("no_user_anon_id", "", "give one"))
    console.event()
    page.click(".totals-toggle")
    page.until("document.querySelector('.counts')?.innerText.includes('Shop web')")
    page.until("[...document.querySelectorAll('.counts tbody tr')][0].cells[5].innerText === '1'")
    page.click("[aria-label='1 quarantined, show reasons']")
    page.until("document.querySelector('.reason-chip')")
    assert page.text(".reason-chip") == "no_user_anon_id1"


def test_pause_holds_the_list_and_resume_catches_up(page, console):
    console.event(messageId="m1")
    page.until("document.querySelector('.row.entry')")
    page.press("Space")
    page.until("document.querySelector('.connection-paused')")
    console.events([{"messageId": f"later{i}"} for i in range(3)])
    page.until("document.querySelector('.page-head .count')?.textContent === '3 new'")
    assert page.evaluate(IDS) == ["m1"]
    page.click("text=Resume")
    page.until("document.querySelectorAll('.row.entry').length === 4")
    assert page.evaluate(IDS) == ["later2", "later1", "later0", "m1"]


def test_scrolling_down_holds_the_list_until_one_goes_back_up(page, console):
    console.events([{"messageId": f"m{i}"} for i in range(150)])
    page.until("document.querySelector('.list')?.dataset.count === '150'")
    page.evaluate("document.querySelector('.list').scrollTop = 1500")
    page.until("!document.querySelector('.row.entry .cell-id').textContent.endsWith('m149')")
    before = page.evaluate(IDS)
    console.events([{"messageId": f"n{i}"} for i in range(20)])
    page.until("document.querySelector('.fresh')?.textContent === '20 new'")
    assert page.evaluate(IDS) == before
    page.click(".fresh")
    page.until("document.querySelector('.row.entry .cell-id').textContent === 'n19'")


def test_filters_are_kept_in_the_address(page, console):
    console.event(event="Order Completed", userId="u1", messageId="m1")
    console.event(event="Order Refunded", userId="u2", messageId="m2", source="app")
    console.event(type="page", name="Orders", userId="u2", messageId="m3")
    page.until("document.querySelectorAll('.row.entry').length === 3")
    page.fill("[placeholder='Event name']", "order")
    page.until("location.search === '?name=order'")
    page.select("[aria-label=Type]", "track")
    page.until("document.querySelectorAll('.row.entry').length === 2")
    page.select("[aria-label=Source]", "app")
    page.until("document.querySelectorAll('.row.entry').length === 1")
    assert page.url() == f"{console.url}/live?type=track&source=app&name=order"
    console.event(event="Order Completed", userId="u3", messageId="m4")
    console.event(event="Order Cancelled", userId="u3", messageId="m5", source="app")
    page.until(f'JSON.stringify({IDS}) === \'["m5","m2"]\'')
    page.goto(page.url())
    page.until(f'JSON.stringify({IDS}) === \'["m5","m2"]\'')
    page.fill("#search", "nowhere to be found")
    page.until("document.querySelector('.nothing h2')?.textContent === 'No event matches'")
    assert "All 5 records" in page.text(".nothing")
    page.click("text=Clear filters")
    page.until("document.querySelectorAll('.row.entry').length === 5")
    assert page.url() == f"{console.url}/live"
    page.click("[role=radio]:has-text('Quarantined')")
    page.until("location.search === '?outcome=quarantined'")


def test_an_event_opens_beside_the_list_and_closes_again(page, console):
    offset = console.event(
        event="Order Completed", messageId="m1", properties={"total": 12.5, "note": "it's"}, ip="198.51.100.4"
    )
    page.until("document.querySelector('.row.entry')")
    page.click(".row.entry")
    page.until("document.querySelector('.panel .json')")
    assert page.url() == f"{console.url}/events/events/0/{offset}"
    assert "198.51.100.4" in page.text(".summary")
    assert "total: 12.5" in page.text(".json")
    page.click("text=Copy as curl")
    page.until("document.querySelector('.panel-actions').textContent.includes('Copied')")
    call = """{"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "m1", """
    call += """"properties": {"total": 12.5, "note": "it'\\''s"}}"""
    assert page.evaluate("navigator.clipboard.readText()") == (
        f"curl -u wk_shop_4f2a9c: -H 'Content-Type: application/json' -d '{call}' http://127.0.0.1:8080/v1/track"
    )
    page.click("[role=tab]:has-text('As sent')")
    assert page.text(".raw").startswith('{"type": "track"')
    page.press("Escape")
    page.until("!document.querySelector('.panel')")
    assert page.url() == f"{console.url}/live"
    page.back()
    page.until("document.querySelector('.panel .json')")


def test_a_deep_link_opens_an_event_that_is_not_in_the_list(page, console):
    console.quarantine(b"{not json", ("body_not_json", "", "The body is not JSON."))
    console.events([{"messageId": f"m{i}"} for i in range(300)])
    page.goto(f"{console.url}/events/quarantine/0/0")
    page.until("document.querySelector('.panel .raw')")
    assert page.text(".panel .raw") == "{not json"
    assert "body_not_json" in page.text(".panel .notice")
    page.goto(f"{console.url}/events/events/0/7")
    page.until("document.querySelector('.panel .json')")
    assert "m7" in page.text(".summary")


def test_a_deep_link_to_nothing_says_so(chromium, console):
    chromium.open()
    chromium.goto(f"{console.url}/login?token={TOKEN}&next=/events/events/0/99")
    chromium.until("document.querySelector('.panel .notice.bad')")
    assert "too old to be kept, or not yet written" in chromium.text(".panel .notice")


def test_the_keyboard_is_enough(page, console):
    console.events([{"messageId": f"m{i}"} for i in range(50)])
    page.until("document.querySelectorAll('.row.entry').length > 5")
    page.press("ArrowDown")
    page.press("ArrowDown")
    page.until("document.querySelector('[aria-selected=true] .cell-id')?.textContent === 'm48'")
    page.press("Enter")
    page.until("document.querySelector('.summary')?.textContent.includes('m48')")
    for _ in range(30):
        page.press("ArrowDown")
    page.until("document.querySelector('.summary')?.textContent.includes('m18')")
    in_sight = """(() => { const row = document.querySelector('[aria-selected=true]').getBoundingClientRect();
        const list = document.querySelector('.list').getBoundingClientRect();
        return row.top >= list.top && row.bottom <= list.bottom + 1 })()"""
    page.until(in_sight)
    page.press("ArrowUp")
    page.until("document.querySelector('.summary')?.textContent.includes('m19')")
    page.press("Escape")
    page.until("!document.querySelector('.panel')")
    page.press("/")
    page.until("document.activeElement.id === 'search'")
    page.press("Space")
    assert page.evaluate("document.querySelector('.connection-paused')") is None


def test_older_events_can_be_loaded(page, console):
    console.events([{"messageId": f"m{i}"} for i in range(450)])
    page.goto(f"{console.url}/live")
    page.until("document.querySelector('.list')?.dataset.count === '200'")
    page.click(".older button")
    page.until("document.querySelector('.list').dataset.count === '400'")
    page.click(".older button")
    page.until("document.querySelector('.list').dataset.count === '450'")
    page.until("!document.querySelector('.older')")
    page.evaluate("document.querySelector('.list').scrollTop = 1e9")
    page.until("[...document.querySelectorAll('.cell-id')].at(-1).textContent === 'm0'")


def test_a_restarted_server_is_found_again_and_nothing_is_missing(chromium, console):
    chromium.open()
    chromium.goto(f"{console.url}/login?token={TOKEN}&next=/live")
    console.event(messageId="before")
    chromium.until("document.querySelector('.row.entry')")
    console.stop()
    chromium.until("document.querySelector('.connection-lost') && document.querySelector('.banner')")
    console.event(messageId="meanwhile")
    console.start(console.port)
    chromium.until("document.querySelector('.connection-live')", timeout_s=60)
    console.event(messageId="after")
    chromium.until(f'JSON.stringify({IDS}) === \'["after","meanwhile","before"]\'')
    assert chromium.count(".banner") == 0


def test_a_narrow_window_shows_all_that_matters_without_sideways_scrolling(browser, console):
    console.event(
        event="A very long event name that does not fit into one line of a phone", messageId="m1", userId="u" * 80
    )
    console.quarantine(b'{"type":"track"}', ("event_not_defined", "", "A track call needs `event`."))
    browser.size(390, 844)
    browser.goto(f"{console.url}/login?token={TOKEN}&next=/live")
    browser.until("document.querySelectorAll('.row.entry').length === 2")
    fits = """document.documentElement.scrollWidth <= innerWidth
        && [...document.querySelectorAll('.main, .list, .toolbar, .page-head')]
            .every(each => each.scrollWidth <= each.clientWidth)"""
    assert browser.evaluate(fits)
    browser.click("text=Filters")
    browser.until("document.querySelector('[aria-label=Type]').offsetParent")
    assert browser.evaluate(fits)
    browser.click(".row.entry.ok")
    browser.until("document.querySelector('.panel .json')")
    box = "document.querySelector('.panel').getBoundingClientRect()"
    sheet = browser.evaluate(f"(({{x, y, width, height}}) => [x, y, width, height])({box})")
    assert sheet == [0, 0, 390, 844]
    assert browser.evaluate("document.querySelector('.panel-body').scrollWidth <= 390")
    browser.click("[aria-label=Close]")
    browser.until("!document.querySelector('.panel')")


def test_sql_runs_and_shows_what_went_wrong(chromium, console):
    chromium.open()
    chromium.goto(f"{console.url}/login?token={TOKEN}&next=/live")
    chromium.click("text=SQL")
    chromium.until("document.querySelector('.editor-box')?.shadowRoot?.querySelector('.cm-content')")
    chromium.write(".sql-editor .cm-content", "select 1")
    chromium.press("Control+Enter")
    chromium.until("document.querySelectorAll('.grid-row').length === 2")
    cells = chromium.evaluate("[...document.querySelectorAll('[role=gridcell]')].map((cell) => cell.textContent)")
    assert cells == ["Order Completed", "120.5", "null", "Signed Up", "null", "<b>x</b>"]
    chromium.write(".sql-editor .cm-content", "selec 1")
    chromium.click("text=Run")
    chromium.until("document.querySelector('.sql-problem')")
    assert "syntax error" in chromium.text(".sql-problem")


def test_ten_thousand_events_at_two_thousand_a_second_stay_smooth_and_bounded(page, console: ConsoleServer):
    page.evaluate("""(() => {
        window.frames_ms = []; window.delays_ms = []; window.long_tasks = 0;
        new PerformanceObserver(list => { long_tasks += list.getEntries().length; }).observe({type: 'longtask'});
        let last = performance.now(), newest = '';
        const frame = (now) => {
            frames_ms.push(now - last); last = now;
            const id = document.querySelector('.row.entry .cell-id')?.textContent ?? '';
            if (id !== newest) { newest = id; delays_ms.push(Date.now() - Number(id.split(' ')[0])); }
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
    })()""")
    calls = Shop()
    templates = [calls.call(datetime.now(UTC)) for _ in range(200)]
    for template in templates:
        del template["timestamp"]

    def send() -> None:
        due = time.perf_counter()
        for beat in range(SECONDS * 100):
            stamp = time.time_ns() / 1e6
            console.events([{**templates[(beat * 20 + i) % 200], "messageId": f"{stamp:.3f} {i}"} for i in range(20)])
            due += 0.01
            time.sleep(max(0, due - time.perf_counter()))  # a rate, not a wait for a result

    before = page.metrics()
    sender = threading.Thread(target=send)
    sender.start()
    sender.join()
    busy_s = page.metrics()["TaskDuration"] - before["TaskDuration"]
    page.until("document.querySelector('.row.entry .cell-id').textContent.endsWith(' 19')")
    wait_until(lambda: page.evaluate("Number(document.querySelector('.list').dataset.count)") >= 5000)
    delays = sorted(page.evaluate("delays_ms"))
    frames = sorted(page.evaluate("frames_ms"))
    print(
        f"shown after p50 {_part(delays, 0.5):.0f} ms, p99 {_part(delays, 0.99):.0f} ms; "
        f"frames p50 {_part(frames, 0.5):.0f} ms, p99 {_part(frames, 0.99):.0f} ms; "
        f"page busy {busy_s / SECONDS:.0%} of one core; {page.evaluate('long_tasks')} tasks above 50 ms"
    )
    assert page.evaluate("Number(document.querySelector('.list').dataset.count)") <= 5500
    assert page.evaluate("document.querySelectorAll('*').length") < 1500
    assert page.count(".row.gap") == 0
    # CPU time, so that a machine that is busy with something else changes it little: twenty drawings a second, none of
    # which is on average what a browser calls a long task. The clock's own figures are printed, not asserted.
    assert busy_s / (SECONDS * 20) < 0.05


def _part(ordered: list[float], share: float) -> float:
    return ordered[int(len(ordered) * share)]
