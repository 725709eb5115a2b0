"""Finding the newest records of a user or with words in them: by reading the clean log backwards."""

from collections.abc import Callable

from trackway.console.entries import Filter
from trackway.console.history import heads, read_page
from trackway.events.records import Place
from trackway.log.contract import EventLog
from trackway.node.tracing.index import Located

Told = Callable[[int, int, int], None]
"""Called with the records looked at, those there are, and those found."""


def search(log: EventLog, *, user: str, text: str, source: str, limit: int, told: Told) -> list[Located]:
    """Return the newest `limit` records that fit, newest first.

    `user` is a part of an id and `text` of the event's JSON, in any case; `source` is the whole key. An empty one asks
    nothing.
    """
    wanted = Filter(source=source, user=user.casefold(), text=text.casefold())
    before = heads(log)
    total = sum(before.values()) - sum(sum(log.starts(topic).values()) for topic in log.topics)
    found: list[Located] = []
    looked_at = 0
    while len(found) < limit:
        page = read_page(log, wanted, before=before, limit=limit - len(found), bodies=False)
        positions = [entry.position for entry in page.entries]
        found += [Located(one.topic, Place(one.partition, one.offset)) for one in positions]
        looked_at += page.scanned
        told(looked_at, total, len(found))
        before = page.before
        if page.exhausted:
            break
    return found
