"""Hold a log that `log_child` wrote against what it has told."""

import json
from contextlib import closing
from pathlib import Path

from tests.promises.log_child import SEGMENT_BYTES, TOPICS, record
from trackway.log.contract import LogError
from trackway.log.sqlite import SqliteLog

PARTITIONS = (0, 1)


def check(root: Path, told: bytes) -> list[str]:
    """Return what is wrong with the log below `root`, of which `told` was acknowledged."""
    try:
        return look_through(root, told)
    except LogError as error:
        return [str(error)]
    except Exception as error:
        return [f"it cannot be read at all: {error!r}"]


def look_through(root: Path, told: bytes) -> list[str]:
    acknowledged = {(topic, partition): 0 for topic in TOPICS for partition in PARTITIONS}
    for line in told.splitlines():
        one = json.loads(line)
        for topic, following in one["next"].items():
            acknowledged[topic, one["partition"]] = following
    wrong: list[str] = []
    with closing(SqliteLog(root / "log", TOPICS, segment_bytes=SEGMENT_BYTES)) as log:
        for partition in PARTITIONS:
            with log.writer(partition) as writer:
                for topic in TOPICS:
                    following, least = writer.next_offset(topic), acknowledged[topic, partition]
                    if following < least:
                        wrong.append(f"{topic}/{partition} ends at {following}, {least} were acknowledged")
                    wrong += read(log, topic, partition, following)
        wrong += [f"{fault.kind}: {fault.segment.name} {fault.detail}" for one in log.verify() for fault in one.faults]
    return wrong


def read(log: SqliteLog, topic: str, partition: int, end: int) -> list[str]:
    """Return what is wrong with the records of a partition."""
    offset = log.starts(topic).get(partition, 0)
    for found in log.read(topic, partition, offset, max_records=end):
        if found.first != offset:
            return [f"{topic}/{partition} has a hole at {offset}"]
        if found.records != [record(topic, partition, one) for one in range(offset, found.next)]:
            return [f"{topic}/{partition} has other records at {offset} than were written"]
        offset = found.next
    return [] if offset == end else [f"{topic}/{partition} can be read up to {offset}, not to {end}"]
