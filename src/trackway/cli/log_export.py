"""Write records to files."""

import importlib
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from trackway.events import fql, lenient_json
from trackway.events.clock_skew import parse_ms

_ROWS = 10_000
_TEXTS = ("topic", "source", "type", "messageId", "name", "userId", "anonymousId", "stage", "reason")


class Filter(NamedTuple):
    """Which records are wanted; None is any."""

    source: str | None
    type: str | None
    name: str | None
    message_ids: frozenset[str] | None
    since_ms: int | None
    until_ms: int | None
    where: fql.Filter | None = None

    def keeps(self, shown: dict[str, Any]) -> bool:
        """Return whether a record (of `show_record`) is wanted."""
        for key in ("source", "type", "name"):
            wanted = getattr(self, key)
            if wanted is not None and shown.get(key) != wanted:
                return False
        if self.message_ids is not None and shown.get("messageId") not in self.message_ids:
            return False
        if self.where is not None:
            call = shown.get("call")
            if not (isinstance(call, dict) and self.where.matches(cast("dict[str, Any]", call))):
                return False
        received_ms = parse_ms(shown["receivedAt"]) or 0
        if self.since_ms is not None and received_ms < self.since_ms:
            return False
        return self.until_ms is None or received_ms < self.until_ms


def write_jsonl(records: Iterable[dict[str, Any]], out: Path | None) -> int:
    """Write a JSON object a line to `out` or standard output; return how many."""
    count = 0
    with _opened(out) as file:
        for shown in records:
            file.write(lenient_json.dumps(shown) + b"\n")
            count += 1
    return count


def write_parquet(records: Iterable[dict[str, Any]], out: Path) -> int:
    """Write a zstd-compressed Parquet file, the call as JSON text in the column `call`; return how many rows."""
    # Imported here: Arrow takes longer to load than most commands run. It ships no types.
    pa: Any = importlib.import_module("pyarrow")
    pq: Any = importlib.import_module("pyarrow.parquet")

    times = pa.timestamp("ms", "UTC")
    schema = pa.schema(
        [
            *((name, pa.string()) for name in _TEXTS),
            ("partition", pa.int32()),
            ("offset", pa.int64()),
            ("receivedAt", times),
            ("timestamp", times),
            ("call", pa.string()),
        ]
    )
    count = 0
    remaining = iter(records)
    with _completed(out) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        while rows := [_row(shown) for shown in islice(remaining, _ROWS)]:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


def _row(shown: dict[str, Any]) -> dict[str, Any]:
    refusal: dict[str, Any] = shown.get("refusal") or {}
    reason: str | None = shown.get("reason") or refusal.get("reason")
    return {
        **{name: shown.get(name) for name in (*_TEXTS, "partition", "offset")},
        "reason": reason,
        "receivedAt": parse_ms(shown["receivedAt"]),
        "timestamp": parse_ms(shown.get("timestamp")),
        "call": lenient_json.dumps(shown["call"]).decode() if "call" in shown else None,
    }


@contextmanager
def _opened(out: Path | None) -> Generator[BinaryIO]:
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    with _completed(out) as part, part.open("wb") as file:
        yield file


@contextmanager
def _completed(out: Path) -> Generator[Path]:
    """Give the path to write to; what stands there has its name once all is written, and is gone after an error."""
    part = out.with_name(f"{out.name}.part")
    try:
        yield part
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.replace(out)
