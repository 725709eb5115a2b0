"""Events a second from the raw log to the clean log, beside msgspec reading and writing the same JSON alone, and beside
msgspec reading it into a struct whose objects stay bytes.

`python -m benchmarks.pipeline_rate [--json] [--events N] [--traffic NAME] [--profile]`. All built-in stages are on, a
place file, a privacy rule and a tracking plan of 200 events among them; `_traffic.py` says what comes in. One thread;
the dedup index and the log's checkpoints have threads of their own, so the figure per core divides by the processor
time of all of them. `--profile` prints where the time goes instead, by the function that spends it.
"""

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks import _traffic
from benchmarks._harness import Measurement, report
from tests.pipeline.mmdb import write_mmdb
from trackway.events.records import CLEAN_TOPICS, RAW, RawRecord, encode
from trackway.log.sqlite import SqliteLog
from trackway.pipeline.live_chain import LiveChain
from trackway.pipeline.message_index import MessageIndex
from trackway.pipeline.short_way import CompiledWay
from trackway.pipeline.worker import PipelineWorker
from trackway.workspace import load_workspace
from trackway.workspace.model import Workspace

_BLOCK = 500
_DAY_S = 86_400
_WARM_UP = 20_000
_COMPARED = 1000
_PLACE = {"city": {"names": {"en": "Lyon"}}, "country": {"iso_code": "FR", "names": {"en": "France"}}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--traffic", choices=[*_traffic.SOURCES], action="append", help="default: all")
    parser.add_argument("--json", action="store_true", help="one object a measurement")
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    options = parser.parse_args()
    if CompiledWay is None:
        print(
            "the compiled modules are missing (`trackway doctor` says why): this is the interpreted way",
            file=sys.stderr,
        )
    found: list[Measurement] = []
    for traffic in options.traffic or _traffic.SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            if options.profile:
                profile(Path(folder), traffic, options.events)
            else:
                found += measure(Path(folder), traffic, options.events)
    if found:
        report(found, json=options.json)


def measure(folder: Path, traffic: str, count: int) -> list[Measurement]:
    """Return the rates of the pipeline over `count` calls, beside that of reading and writing their JSON alone.

    `quiet` is what the fastest tenth of the batches says, of a machine that others use as well; the processor time of
    the index's and the log's threads is in it in full.
    """
    worker = _prepare(folder, traffic, count)
    bodies = [raw.body for raw in _traffic.calls(traffic, _COMPARED)]
    usual = [body for body in bodies if _is_usual(body)]
    batches: list[tuple[int, float]] = []
    references: list[float] = []
    typed: list[float] = []
    wall_s = processor_s = 0.0
    done = 0
    while done < count:
        wall, processor, thread = time.perf_counter(), time.process_time(), time.thread_time()
        calls = worker.step()
        if not calls:
            break
        batches.append((calls, time.thread_time() - thread))
        wall_s, processor_s = wall_s + time.perf_counter() - wall, processor_s + time.process_time() - processor
        done += calls
        references.append(_timed(_copy, bodies))
        typed.append(_timed(_decode_typed, usual))
    beside_s = (processor_s - sum(seconds for _, seconds in batches)) / done
    quiet_s = _fastest([seconds / calls for calls, seconds in batches]) + beside_s
    name = "pipeline_rate" if traffic == "browser" else f"pipeline_rate_{traffic}"
    return [
        Measurement(name=name, figure=done / wall_s, unit="events/s"),
        Measurement(
            name=f"{name}_per_core",
            figure=done / processor_s,
            unit="events/s",
            reference=len(references) / sum(references),
        ),
        Measurement(
            name=f"{name}_against_typed_decode",
            figure=done / processor_s,
            unit="events/s",
            reference=len(typed) / sum(typed),
        ),
        Measurement(
            name=f"{name}_per_core_quiet", figure=1 / quiet_s, unit="events/s", reference=1 / _fastest(references)
        ),
    ]


def _fastest(seconds: list[float]) -> float:
    """Return the time that a tenth of the runs keep below."""
    return sorted(seconds)[len(seconds) // 10]


def profile(folder: Path, traffic: str, count: int) -> None:
    """Print the functions that take the most time."""
    worker = _prepare(folder, traffic, count)
    profiler = cProfile.Profile()
    profiler.runcall(drain, worker, count)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def _prepare(folder: Path, traffic: str, count: int) -> PipelineWorker:
    raw = SqliteLog(folder / "raw", (RAW,))
    write_calls(raw, _traffic.calls(traffic, _WARM_UP + count))
    worker = make_worker(folder, traffic, raw)
    drain(worker, _WARM_UP)
    return worker


def write_calls(raw: SqliteLog, calls: Iterable[RawRecord]) -> None:
    """Append calls to the raw log, some hundreds at a time."""
    records = map(encode, calls)
    with raw.writer(0) as writer:
        while block := list(islice(records, _BLOCK)):
            writer.append({RAW: block})


def make_worker(folder: Path, traffic: str, raw: SqliteLog) -> PipelineWorker:
    """Return a worker with all built-in stages on, in a new workspace in `folder`."""
    workspace = _workspace(folder, traffic)
    index = MessageIndex(folder / "index", keep_s=_DAY_S)
    clean = SqliteLog(folder / "clean", CLEAN_TOPICS)
    return PipelineWorker(raw, clean, index, dict.fromkeys(workspace.sources, _DAY_S), chain=LiveChain(workspace))


def _workspace(folder: Path, traffic: str) -> Workspace:
    (folder / "plans").mkdir()
    (folder / "plans" / "everything.yaml").write_text(_traffic.plan_text(traffic))
    write_mmdb(folder / "places.mmdb", {"203.0.0.0/17": _PLACE})
    sources = "".join(f"  {name}: {{write_keys: [{name}]}}\n" for name in _traffic.SOURCES[traffic])
    (folder / "trackway.yaml").write_text(
        "pipeline: {geo_file: places.mmdb}\n"
        "privacy: {rules: [{path: traits.email, do: mask}]}\n"
        f"sources:\n{sources}"
    )
    return load_workspace(folder)


def drain(worker: PipelineWorker, count: int) -> int:
    """Let a worker process `count` calls, or all there are; return how many."""
    done = 0
    while done < count:
        step = worker.step()
        if not step:
            break
        done += step
    return done


class _Call(msgspec.Struct, rename="camel"):
    """A call whose objects stay as they came."""

    type: str
    message_id: str
    timestamp: str
    context: msgspec.Raw
    integrations: msgspec.Raw
    user_id: str | None = None
    anonymous_id: str | None = None
    sent_at: str | None = None
    event: str | None = None
    name: str | None = None
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    traits: msgspec.Raw = msgspec.Raw(b"{}")


_decode_typed = msgspec.json.Decoder(_Call).decode
_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


def _is_usual(body: bytes) -> bool:
    try:
        _decode_typed(body)
    except msgspec.DecodeError:
        return False
    return True


def _copy(body: bytes) -> bytes:
    return _encode(_decode(body))


def _timed(work: Callable[[bytes], object], bodies: Sequence[bytes]) -> float:
    """Return the seconds that a body takes."""
    start = time.thread_time()
    for body in bodies:
        work(body)
    return (time.thread_time() - start) / len(bodies)


if __name__ == "__main__":
    main()
