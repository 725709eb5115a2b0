"""The page that `trackway playground` serves, as a visitor uses it."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import ROOT, Browser
from tests.public_playground import public_playground

AXE = ROOT / "node_modules/axe-core/axe.min.js"
VIOLATIONS = "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map((one) => one.id))"
CARDS = "[...document.querySelectorAll('.play-card')]"


pytestmark = pytest.mark.xdist_group("public playground")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with public_playground() as url:
        yield url


@pytest.fixture
def visitor(chromium: Browser, address: str) -> Iterator[tuple[Browser, str]]:
    chromium.open()
    chromium.goto(address)
    yield chromium, address
    assert chromium.problems() == []


def test_a_visitor_makes_up_a_call_and_sees_what_would_become_of_it(visitor: tuple[Browser, str]):
    page, url = visitor
    page.fill("[name=event]", "order completed")
    page.until("document.querySelector('.play-advice')?.textContent.includes('Known event: Order Completed')")
    page.until("document.querySelector('.play-verdict.good')?.textContent.includes('Accepted')")
    page.until("document.querySelector('.play-result .json')?.textContent.includes('Order Completed')")
    page.until(f"{CARDS}.length > 5 && {CARDS}.some((one) => one.textContent.includes('would be sent'))")
    assert page.evaluate(f"{CARDS}.every((one) => one.textContent.includes('example settings'))")
    assert page.evaluate(f"{CARDS}.some((one) => one.querySelector('.json')?.textContent.includes('Order Completed'))")

    # There is nothing of the console, nothing to send with, and no cookie.
    assert page.count("text=Send it for real") == 0
    assert page.count("nav") == 0
    page.click("text=Run Trackway to send it")
    page.until("document.querySelector('#run').getBoundingClientRect().top < innerHeight")
    assert "make run" in page.text("#run")
    assert page.evaluate("document.cookie") == ""

    page.evaluate(AXE.read_text("utf-8") + "\n;0")
    assert page.evaluate(VIOLATIONS) == []
    page.size(390, 844)
    assert page.evaluate("document.querySelector('.public').scrollWidth") <= 390
    assert page.evaluate(VIOLATIONS) == []

    # A link shows the same to others, under the console's path too.
    page.until("location.search.includes('call=')")
    shared = page.url().partition("#")[0]
    for link in (shared, shared.replace(f"{url}/", f"{url}/playground")):
        page.goto(link)
        page.until("document.querySelector('[name=event]')?.value === 'order completed'")
        page.until("document.querySelector('.play-verdict.good')")


def test_who_asks_too_much_is_told_and_answered_later(visitor: tuple[Browser, str]):
    page, _ = visitor
    page.until("document.querySelector('.play-verdict')")
    page.evaluate("""
        const ask = fetch;
        window.fetch = (...given) => window.enough ? ask(...given) : Promise.resolve(new Response(
            JSON.stringify({code: "too_many_calls", message: "too many calls", retry_after_s: 0.1}), {status: 429}));
        0""")
    page.fill("[name=event]", "Basket Emptied")
    page.until("document.querySelector('.play-result')?.textContent.includes('too many calls')")
    page.evaluate("window.enough = true")
    page.until("document.querySelector('.play-result .json')?.textContent.includes('Basket Emptied')")
    page.until("!document.querySelector('.play-result').textContent.includes('too many calls')")
