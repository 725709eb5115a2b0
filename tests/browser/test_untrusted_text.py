"""Whatever a stranger writes into an event is shown as text and never runs."""

import json
from urllib.parse import urlencode

import pytest

from tests.browser.chromium import Browser
from tests.console.harness import TOKEN

pytestmark = pytest.mark.xdist_group("live view")  # one worker makes what they share

HITS = "window.__hit = 1"
CORPUS = [
    f"<script>{HITS}</script>",
    f"<img src=x onerror='{HITS}'>",
    f'"><svg onload={HITS.replace(" ", "")}>',
    f"javascript:{HITS}",
    f"';{HITS};//",
    "{{constructor.constructor('window.__hit=1')()}}",
    "${window.__hit=1}",
    "</textarea></title></style><script>window.__hit=1</script>",
    "<iframe srcdoc='<script>parent.__hit=1</script>'></iframe>",
    "<a href='javascript:window.__hit=1' autofocus onfocus='window.__hit=1'>x</a>",
    "<math><mtext></mtext><mglyph><style><!--</style><img src onerror=window.__hit=1>",
    "\u2028\u2029\u202e\u0000 \U0001f600 <b>x</b>",
    "]]><!--<meta http-equiv=refresh content='0;url=javascript:window.__hit=1'>",
    "__proto__",
]


@pytest.fixture
def hostile(console, browser):
    browser.goto(f"{console.url}/login?token={TOKEN}&next=/live")
    browser.until("document.querySelector('.connection-live')")
    yield browser
    assert browser.evaluate("window.__hit") is None
    assert browser.evaluate("({}).polluted") is None
    # The page's own fixture looks for dialogs, errors and policy violations.


def test_events_are_text_everywhere(hostile, console):
    for i, text in enumerate(CORPUS):
        console.event(
            event=text, userId=text, anonymousId=text, messageId=f"{i} {text}"[:100], user_agent=text, ip=text,
            properties={text: text, "deep": [{text: [text]}], "__proto__": {"polluted": 1}},
            context={"page": {"url": text}}, findings=[(text, f"/properties/{text}", text)],
        )  # fmt: skip
    hostile.until(f"document.querySelector('.list')?.dataset.count === '{len(CORPUS)}'")
    shown = hostile.evaluate("[...document.querySelectorAll('.row.entry .name')].map(each => each.textContent)")
    assert shown[::-1] == CORPUS
    for offset, text in enumerate(CORPUS):
        _open(hostile, f"events/0/{offset}")
        assert hostile.evaluate("document.querySelector('.panel h2').textContent") == text
        hostile.click("[role=tab]:has-text('As sent')")
        hostile.until("document.querySelector('.panel .raw')")
    assert (
        hostile.evaluate("document.querySelectorAll('#app script, #app iframe, #app img, #app math, #app b b').length")
        == 0
    )


def _open(page: Browser, place: str) -> None:
    shown = f"[...document.querySelectorAll('.summary dd')].some(each => each.textContent === '{place}')"
    page.move(f"/events/{place}", f"{shown} && document.querySelector('.panel .json, .panel .raw')")


def test_refused_calls_are_text_everywhere(hostile, console):
    for text in CORPUS:
        body = json.dumps({"type": text, "event": text, "userId": text, "properties": text}).encode()
        console.quarantine(body, (text, f"/properties/{text}", text), source=text, type_=text, message_id=text)
        console.quarantine(text.encode("utf-8", "replace"), ("body_not_json", "", text))
        console.duplicate({"type": text, "messageId": text, "event": text}, source=text)
    total = 3 * len(CORPUS)
    hostile.until(f"document.querySelector('.list')?.dataset.count === '{total}'")
    for topic, count in (("quarantine", 2 * len(CORPUS)), ("dropped", len(CORPUS))):
        for offset in range(count):
            _open(hostile, f"{topic}/0/{offset}")


@pytest.mark.parametrize("text", CORPUS[:4])
def test_filters_from_a_link_are_text(hostile, console, text):
    query = urlencode(dict.fromkeys(["q", "type", "source", "name", "user", "outcome"], text))
    hostile.goto(f"{console.url}/live?{query}")
    hostile.until("document.querySelector('.nothing h2') || document.querySelector('.nothing')?.textContent")
    assert hostile.evaluate("document.querySelector('#search').value") == text


def test_reasons_in_the_counts_are_text(hostile, console):
    for text in CORPUS:
        console.quarantine(b"{}", (text, "", text))
    hostile.click(".totals-toggle")
    hostile.until("document.querySelector('.bad .reasons')")
    hostile.click(".bad .reasons")
    hostile.until(f"document.querySelectorAll('.reason-chip').length >= {len(CORPUS)}")


def test_answers_that_hold_events_cannot_be_opened_as_pages(hostile, console):
    console.event(event=CORPUS[0])
    for path in ("/api/events", "/api/events/events/0/0", "/api/live"):
        kind = hostile.evaluate(f"""fetch('{path}').then(answer => {{
            void answer.body.cancel();
            return `${{answer.headers.get('content-type')}} ${{answer.headers.get('x-content-type-options')}}`;
        }})""")
        assert kind in ("application/json nosniff", "text/event-stream; charset=utf-8 nosniff")
