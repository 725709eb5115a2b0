"""Stock clients while the product dies under them, again and again: each event they took arrives exactly once.

What they promise, from their own code and documentation (docs/clients.md):

    nobody answers    all three send again: Python and Node ten times, half a second doubling to a minute; the browser
                      ten times an event, one to two seconds doubling. So an outage may last minutes.
    429, Retry-After  all three wait for that long, and count it apart: hours.
    503               is counted as an outage, and Retry-After is ignored by Node and the browser: it is never answered.

The outages here last seconds, each longer than a first try again.
"""

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from segment.analytics.client import Client

from tests.processes import collectors
from tests.running import Trackway, poll_until
from tests.sdks.browser_page import CLIENTS, Drive, Site
from tests.sdks.relay import Relay
from tests.services import find_node_package

pytestmark = [pytest.mark.xdist_group("sdks"), pytest.mark.timeout(240)]

_PATIENCE_S = 60.0
_NO_ROOM = "1000000 GiB"


class Sent(NamedTuple):
    """What a client says it did: the numbers 0 to `events - 1`, and what it gave up."""

    events: int
    errors: list[str]


class Sender(NamedTuple):
    """A client at work."""

    user: str
    relay: Relay
    sent: "Future[Sent]"


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Trackway]:
    """A product of this test's own: it is killed."""
    trackway = Trackway(tmp_path / "workspace")
    trackway.start()
    yield trackway
    trackway.kill()


def test_every_event_arrives_once_however_often_the_product_dies(
    product: Trackway, site: Site, drive: Drive, node: str
) -> None:
    chance = random.Random(7)
    with ExitStack() as stack:
        relays = [stack.enter_context(Relay(product.collector_url)) for _ in range(3)]
        workers = stack.enter_context(ThreadPoolExecutor(3))
        stack.callback(setattr, site, "going", False)
        python, node_, browser = relays
        runs: list[Callable[[], Sent]] = [
            lambda: run_python(product.write_key, python.url, site),
            lambda: run_node(node, product.write_key, node_.url, site),
            lambda: run_browser(drive, product.write_key, browser.url),
        ]
        users = ["python", "node", "browser"]
        senders = [
            Sender(user, relay, workers.submit(run)) for user, relay, run in zip(users, relays, runs, strict=True)
        ]
        wait_for_answers(senders, 200)
        die_unanswered(product, senders, lambda: restart(product))
        pause(product, chance)
        collectors(product)[0].kill()
        wait_for_answers(senders, 200)
        refuse_for_want_of_room(product, senders)
        wait_for_answers(senders, 200)
        die_unanswered(product, senders, lambda: collectors(product)[0].kill())
        site.going = False
        for sender in senders:
            check_arrived_once(product, sender)
    product.stop()


def run_python(write_key: str, host: str, site: Site) -> Sent:
    """Track with segment-analytics-python until the site says stop, and see everything off."""
    errors: list[str] = []
    client = Client(write_key, host=host, on_error=lambda error, _batch: errors.append(str(error)))
    number = 0
    while site.going:
        for _ in range(4):
            client.track("python", "Survived", {"number": number})
            number += 1
        time.sleep(0.1)
    client.shutdown()
    return Sent(number, errors)


def run_node(node: str, write_key: str, host: str, site: Site) -> Sent:
    """Track with @segment/analytics-node likewise, in a process of its own."""
    find_node_package("@segment/analytics-node")
    orders = {"scenario": "steady", "host": host, "writeKey": write_key, "user": "node", "going": f"{site.url}/going"}
    command = [node, str(CLIENTS / "node_client.mjs")]
    done = subprocess.run(command, input=json.dumps(orders), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    return Sent(report["sent"], report["errors"])


def run_browser(drive: Drive, write_key: str, url: str) -> Sent:
    """Track with analytics-next likewise, in Chromium, one request an event."""
    report: dict[str, Any] = drive("steady", "browser", load={"writeKey": write_key, "cdnURL": url})
    assert report["delivered"] == report["sent"] + 1, "its page call too"
    return Sent(report["sent"], report["failures"])


def wait_for_answers(senders: list[Sender], status: int) -> None:
    """Return when each client has had another answer with this status."""
    for sender in senders:
        before = sender.relay.passed[status]
        poll_until(
            lambda sender=sender, before=before: sender.sent.done() or sender.relay.passed[status] > before,
            what=f"an answer {status} to the {sender.user} client",
            timeout_s=_PATIENCE_S,
        )
        assert not sender.sent.done(), sender.sent.result()


def die_unanswered(product: Trackway, senders: list[Sender], kill: Callable[[], object]) -> None:
    """Kill when each client has sent something that the collector keeps, and has not heard so."""
    for sender in senders:
        sender.relay.lost.clear()
        sender.relay.losing = True
    for sender in senders:
        poll_until(
            lambda sender=sender: sender.relay.lost[200],
            what=f"an answer to the {sender.user} client to be lost",
            timeout_s=_PATIENCE_S,
        )
    kill()
    for sender in senders:
        sender.relay.losing = False
    wait_for_answers(senders, 200)


def refuse_for_want_of_room(product: Trackway, senders: list[Sender]) -> None:
    """Take nothing for a while, as if the disk were full."""
    product.change(log={"floor": _NO_ROOM})
    wait_for_answers(senders, 429)
    product.change(log={"floor": None})


def restart(product: Trackway) -> None:
    """Let the whole product die and come back."""
    product.kill()
    product.start()


def pause(product: Trackway, chance: random.Random) -> None:
    """Let everybody go on for a random moment."""
    moment = time.monotonic() + chance.uniform(0.1, 0.6)
    product.wait_for(lambda: time.monotonic() >= moment, what="the moment to kill")


def check_arrived_once(product: Trackway, sender: Sender) -> None:
    """See that the clean log and the warehouse have each event of a client once."""
    sent = sender.sent.result(_PATIENCE_S * 2)
    assert sent.errors == [], f"the {sender.user} client gave something up"
    statuses = (sender.relay.passed + sender.relay.lost).keys()
    assert statuses <= {200, 429}, "what is answered otherwise is given up sooner"
    product.settle(_PATIENCE_S)
    records = [record for _, record in product.event_records() if record.user_id == sender.user]
    numbers = [json.loads(record.body)["properties"]["number"] for record in records if record.type == "track"]
    assert sorted(numbers) == list(range(sent.events))
    rows = product.sql(f"select number from survived where user_id = '{sender.user}' order by number")
    assert rows == [[number] for number in range(sent.events)]
    ids = {record.message_id for record in records}
    assert ids & {record.message_id for record in product.dropped()}, "nothing came twice: the test proves too little"
