"""What destinations send, beside recorded requests of Segment's own open-source destinations for the same events."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from trackway.destinations.preview import previewer, read_file

SHARED = Path(__file__).parents[2].parent / "shared"
RECORDED = SHARED / "fixtures" / "destinations"
SETTINGS = sorted((Path(__file__).parent / "settings").glob("*.yaml"))
LEAST = 0.95

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded requests are not beside the repository")


@pytest.mark.parametrize("settings", SETTINGS, ids=[path.stem for path in SETTINGS])
def test_requests_equal_the_recorded_ones(settings: Path, tmp_path: Path) -> None:
    file = read_file(settings)
    shown = previewer(file.type, file)
    made = tmp_path / "made.jsonl"
    cases = [msgspec.json.decode(line) for line in (RECORDED / "corpus.jsonl").read_bytes().splitlines()]
    made.write_bytes(msgspec.json.Encoder().encode_lines([shown.show(case["id"], case["event"]) for case in cases]))
    told = _compare(RECORDED / f"{settings.stem}.jsonl", made)
    equal, total = _score(told)
    print(f"{settings.stem}: {equal} of {total}")
    assert total == len(cases)
    assert equal >= LEAST * total, told


def _compare(recorded: Path, made: Path) -> str:
    command = [sys.executable, str(SHARED / "tools" / "parity.py"), str(recorded), str(made), "--show", "40"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def _score(told: str) -> tuple[int, int]:
    _, equal, _, total = told.splitlines()[-1].split()
    return int(equal), int(total)
