"""Recounts everything from the files alone, as a process of its own: `python ledger_oracle.py WORKSPACE`.

It shares no code with the product, only the formats on disk: segments are SQLite files of blocks, a block is a msgpack
array of records (zstd or plain), a record is a msgpack array, state.db is a relational database. Prints JSON.
"""

import collections
import json
import pathlib
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import zstandard


def main(folder: pathlib.Path) -> dict[str, Any]:
    # In this order, so that what is looked at later has all that was seen before.
    state = read_state(folder / "data" / "state.db")
    replays = read_replays(folder / "data" / "state.db")
    clean = {topic: read_topic(folder, "clean", topic) for topic in ("dropped", "quarantine", "events")}
    raw = read_topic(folder, "raw", "raw")
    ends = [tuple(record[8 if topic == "events" else 4]) for topic in clean for record in clean[topic].values()]
    missing = set(ends) - set(raw)
    return {
        "raw": len(raw),
        "ended": len(ends),
        "ended_twice": len(ends) - len(set(ends)),
        "ended_without_raw": len(missing),
        "sources": {
            "events": tally((record[0], "") for record in clean["events"].values()),
            "quarantined": tally((record[0], record[6][0]) for record in clean["quarantine"].values()),
            "dropped": tally((record[0], record[5]) for record in clean["dropped"].values()),
        },
        # What stands behind a # is the number of a replay to the destination before it.
        "destinations": {name: recount(clean["events"], *found) for name, found in state.items() if "#" not in name},
        "replays": {
            number: {
                "delivered": len(places),
                "twice": len(places) - len(set(places)),
                "ids": [clean["events"][place][2] for place in places],
            }
            for number, places in replays.items()
        },
    }


def read_topic(folder: pathlib.Path, log: str, topic: str) -> dict[tuple[int, int], Any]:
    return {
        (int(partition.name[1:]), offset): record
        for partition in sorted((folder / "data" / "log" / log).glob("p[0-9]*"))
        for path in sorted(partition.glob("*.segment"))
        for offset, record in read_segment(path, topic)
    }


def read_segment(path: pathlib.Path, topic: str) -> Iterator[tuple[int, Any]]:
    with closing(connect(path)) as db:
        try:
            rows = db.execute(f"SELECT first, codec, payload FROM block_{topic} ORDER BY first").fetchall()
        except sqlite3.OperationalError:
            return  # its creation was cut short
    for first, codec, payload in rows:
        plain = zstandard.ZstdDecompressor().decompress(payload) if codec == 1 else payload
        for offset, record in enumerate(msgspec.msgpack.decode(plain), first):
            yield offset, msgspec.msgpack.decode(record)


def read_state(path: pathlib.Path) -> dict[str, tuple[list[Any], dict[tuple[int, int], tuple[str, str]], set[Any]]]:
    """Return by destination: its spans of the log, its exceptions by place, and the places that wait for a retry."""
    if not path.exists():
        return {}
    with closing(connect(path)) as db:
        db.execute("BEGIN")
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'cursors'").fetchone():
            return {}
        spans = db.execute("SELECT destination, partition, start_offset, next_offset FROM cursors").fetchall()
        odd = db.execute('SELECT destination, partition, "offset", outcome, reason FROM exceptions').fetchall()
        waiting = db.execute('SELECT destination, partition, "offset" FROM retries').fetchall()
        names = [row[0] for row in db.execute("SELECT destination FROM destinations")]
    return {
        name: (
            [row[1:] for row in spans if row[0] == name],
            {(row[1], row[2]): (row[3], row[4]) for row in odd if row[0] == name},
            {(row[1], row[2]) for row in waiting if row[0] == name},
        )
        for name in names
    }


def read_replays(path: pathlib.Path) -> dict[int, list[tuple[int, int]]]:
    """Return the places of the events that each replay says it has delivered."""
    if not path.exists():
        return {}
    with closing(connect(path)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'replayed'").fetchone():
            return {}
        rows = db.execute("SELECT replay, partition, offsets FROM replayed").fetchall()
    found: dict[int, list[tuple[int, int]]] = {}
    for replay, partition, runs in rows:
        for run in runs.split(","):
            first, _, last = run.partition("-")
            found.setdefault(replay, []).extend((partition, n) for n in range(int(first), int(last or first) + 1))
    return found


def recount(events: dict[tuple[int, int], Any], spans: list[Any], odd: dict[Any, Any], waiting: set[Any]) -> Any:
    """Give every event of the log that is this destination's business its one end."""
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    below = {partition: (start, following) for partition, start, following in spans}
    for place in events:
        start, following = below.get(place[0], (0, 0))
        if place[1] < start:
            continue
        if place[1] >= following or place in waiting:
            found["pending", ""] += 1
        else:
            found[odd.get(place, ("delivered", ""))] += 1
    delivered = [
        events[place][2]
        for place in events
        if (span := below.get(place[0])) and span[0] <= place[1] < span[1] and place not in odd
    ]
    return {"ends": tally(found.elements()), "accepted": sum(found.values()), "delivered_ids": delivered}


def tally(pairs: Any) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for first, second in pairs:
        counts = found.setdefault(first, {})
        counts[second] = counts.get(second, 0) + 1
    return found


def connect(path: pathlib.Path) -> sqlite3.Connection:
    deadline = time.monotonic() + 60
    while True:
        db = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=10)
        try:
            db.execute("PRAGMA query_only=1")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            # Its last user may be folding the write-ahead log in.
            db.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return db


if __name__ == "__main__":
    json.dump(main(pathlib.Path(sys.argv[1]).resolve()), sys.stdout)
