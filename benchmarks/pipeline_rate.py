"""Events a second from the raw log to the clean log, beside msgspec reading and writing the same JSON alone.

`python -m benchmarks.pipeline_rate [--json] [--events N] [--profile]`. All built-in stages are on. One thread; RocksDB
and the log's checkpoints have threads of their own, so the figure per core divides by the processor time of all.
`--profile` prints where the time goes instead, by the function that spends it.
"""

import argparse
import cProfile
import json
import pstats
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmarks._harness import Measurement, make_events, report
from trackway.events.records import CLEAN_TOPICS, RAW, RawRecord, encode
from trackway.log.sqlite import SqliteLog
from trackway.pipeline.live_chain import LiveChain
from trackway.pipeline.message_index import MessageIndex
from trackway.pipeline.worker import PipelineWorker
from trackway.workspace.model import Source, Workspace

_BLOCK = 500
_DAY_S = 86_400
_SERVER_ONLY = ("receivedAt", "originalTimestamp")
_SEARCHES = ("?utm_source=news&utm_medium=email&utm_campaign=spring", "?gclid=Cj0KCQiA1NebBhDDARIsAANiDD2J", "?q=lamp")
_REFERRERS = ("", "", "https://www.google.com/", "https://shop.example/", "https://t.co/x1", "https://blog.example/a")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.profile:
            profile(Path(folder), options.events)
        else:
            report(measure(Path(folder), options.events), json=options.json)


def measure(folder: Path, count: int) -> list[Measurement]:
    """Return the rates of the pipeline over `count` calls, and of reading and writing their JSON alone."""
    worker = _prepare(folder, count)
    wall, processor = time.perf_counter(), time.process_time()
    _drain(worker, count)
    wall_s, processor_s = time.perf_counter() - wall, time.process_time() - processor
    reference_s = _reference_s([raw.body for raw in raw_calls(count)])
    return [
        Measurement(name="pipeline_rate", figure=count / wall_s, unit="events/s", reference=count / reference_s),
        Measurement(
            name="pipeline_rate_per_core", figure=count / processor_s, unit="events/s", reference=count / reference_s
        ),
    ]


def profile(folder: Path, count: int) -> None:
    """Print the functions that take the most time."""
    worker = _prepare(folder, count)
    profiler = cProfile.Profile()
    profiler.runcall(_drain, worker, count)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def raw_calls(count: int) -> Iterator[RawRecord]:
    """Yield the events of `make_events` as a browser's calls, one in five with a campaign, a click id or a query."""
    chance = random.Random(2)
    for event in make_events(count):
        call: dict[str, Any] = json.loads(event["body"])
        for name in _SERVER_ONLY:
            del call[name]
        page = call["context"]["page"]
        page["referrer"] = chance.choice(_REFERRERS)
        if chance.random() < 0.2:
            page["search"] = chance.choice(_SEARCHES)
            page["url"] += page["search"]
        body = json.dumps(call, separators=(",", ":")).encode()
        yield RawRecord(
            "shop", call["type"], call["messageId"], event["received_at_ms"], body, ip="203.0.113.9", client_side=True
        )


def _prepare(folder: Path, count: int) -> PipelineWorker:
    raw, clean = SqliteLog(folder / "raw", (RAW,)), SqliteLog(folder / "clean", CLEAN_TOPICS)
    block: list[bytes] = []
    with raw.writer(0) as writer:
        for call in raw_calls(count):
            block.append(encode(call))
            if len(block) == _BLOCK:
                writer.append({RAW: block})
                block = []
        if block:
            writer.append({RAW: block})
    workspace = Workspace(sources={"shop": Source(write_keys=["k"])}, folder=folder)
    index = MessageIndex(folder / "index", keep_s=_DAY_S)
    return PipelineWorker(raw, clean, index, {"shop": _DAY_S}, chain=LiveChain(workspace))


def _drain(worker: PipelineWorker, count: int) -> None:
    done = 0
    while done < count:
        done += worker.step()


def _reference_s(bodies: list[bytes]) -> float:
    decode, encode_json = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    start = time.perf_counter()
    for body in bodies:
        encode_json(decode(body))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
