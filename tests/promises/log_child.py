"""A process that writes to a log, for tests that kill it, cut its power or spoil its storage.

    python -m tests.promises.log_child FOLDER PARTITION SEED COMMITS

It appends records that say their own place, and tells each commit that was acknowledged, one JSON line each, in the
file FOLDER/told and on its standard output. SEED decides how many records, and when to read, to let retention work, and
to give the partition up and take it again.
"""

import json
import os
import random
import sys
from pathlib import Path

from trackway.log.sqlite import SqliteLog

TOPICS = ("events", "quarantine")
SEGMENT_BYTES = 30_000


def record(topic: str, partition: int, offset: int) -> bytes:
    """Return the one record that may stand at a place."""
    return b"%s/%d/%d " % (topic.encode(), partition, offset) + b"x" * (offset * 7919 % 1500)


def records(topic: str, partition: int, offsets: range) -> list[bytes]:
    return [record(topic, partition, offset) for offset in offsets]


def main(folder: Path, partition: int, seed: int, commits: int) -> None:
    chance = random.Random(seed)
    told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    log = SqliteLog(folder / "log", TOPICS, segment_bytes=SEGMENT_BYTES)
    writer = log.writer(partition)
    reader = log.reader("events", consumer=f"reader-{partition}")
    for _ in range(commits):
        counts = {"events": chance.choice([0, 1, 1, 2, 40]), "quarantine": chance.choice([0, 0, 1])}
        firsts = {topic: writer.next_offset(topic) for topic in TOPICS}
        got = writer.append(
            {topic: records(topic, partition, range(firsts[topic], firsts[topic] + counts[topic])) for topic in TOPICS},
            {"events": b"%d" % (firsts["events"] + counts["events"])} if chance.random() < 0.5 else None,
        )
        line = json.dumps({"partition": partition, "next": {topic: offsets.stop for topic, offsets in got.items()}})
        os.write(told, line.encode() + b"\n")
        print(line, flush=True)
        match chance.randrange(12):
            case 0:
                writer.close()
                writer = log.writer(partition)
            case 1 | 2 | 3:
                reader.poll()
                reader.commit()
            case 4:
                log.retain(max_bytes=2 * SEGMENT_BYTES)
            case _:
                pass
    reader.close()
    writer.close()
    log.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
