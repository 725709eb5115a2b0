"""What the documentation shows is run: commands against a running collector, their answers held against those shown."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.collector.test_wire import Server
from tests.services import ROOT, find_program
from trackway.workspace.model import Source, Workspace

DOCS = ROOT / "docs"
HTTP_API = DOCS / "http-api.md"
WORKSPACE = Workspace(sources={"web": Source(write_keys=["wk_docs"])})
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = {"sh": ["sh", "-ec"], "python": [sys.executable, "-c"], "js": ["node", "--input-type=module", "-e"]}


class Example(NamedTuple):
    language: str
    code: str
    shown: str | None
    """The answer that stands below it."""


def examples(file: Path) -> list[Example]:
    blocks: list[tuple[str, str]] = FENCE.findall(file.read_text("utf-8"))
    following = [*blocks[1:], ("", "")]
    return [
        Example(language, code, after if below == "json" else None)
        for (language, code), (below, after) in zip(blocks, following, strict=True)
        if language in RUN
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(WORKSPACE)
    yield server
    server.close()


def agrees(shown: Any, real: Any) -> bool:
    """Whether a real answer is as shown; `…` stands for any text."""
    if isinstance(shown, dict):
        return isinstance(real, dict) and shown.keys() == real.keys() and all(agrees(shown[k], real[k]) for k in shown)
    if isinstance(shown, list):
        return isinstance(real, list) and len(shown) == len(real) and all(map(agrees, shown, real))
    if isinstance(shown, str) and "…" in shown:
        pattern = ".*".join(re.escape(part) for part in shown.split("…"))
        return isinstance(real, str) and re.fullmatch(pattern, real) is not None
    return shown == real


@pytest.mark.parametrize("number", range(len(examples(HTTP_API))))
def test_the_examples_of_the_http_api_run_and_answer_as_shown(server: Server, number: int):
    example = examples(HTTP_API)[number]
    program, *options = RUN[example.language]
    command = [find_program(program), *options, example.code]
    environ = os.environ | {"URL": f"http://127.0.0.1:{server.port}", "KEY": "wk_docs"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if example.shown is not None:
        assert agrees(json.loads(example.shown), json.loads(done.stdout)), f"example {number} answered {done.stdout}"
    elif "pixel" in example.code:
        assert "x-trackway-verdict: accepted" in done.stdout.lower()
    else:
        assert json.loads(done.stdout) == {"success": True}


def test_there_are_examples_in_each_language():
    found = examples(HTTP_API)
    assert {example.language for example in found} == RUN.keys()
    assert sum(example.shown is not None for example in found) >= 5
    curls = [example for example in found if "curl" in example.code]
    assert len(curls) == HTTP_API.read_text("utf-8").count("curl "), "each curl stands in a block that is run"


def test_answers_are_compared_for_real():
    assert agrees({"a": ["x…z"]}, {"a": ["xyz"]})
    assert not agrees({"a": 1}, {"a": 1, "b": 2}) and not agrees(["x…"], ["y"]) and not agrees([1], [])


def test_the_commands_that_the_readme_names_exist():
    text = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"(?:^|`)(?:\.venv/bin/)?trackway ([a-z]+)", text, re.MULTILINE))
    trackway = str(Path(sys.executable).with_name("trackway"))
    done = subprocess.run([trackway, "--help"], capture_output=True, text=True, timeout=60)
    commands = set(re.findall(r"[a-z]+", done.stdout))
    assert len(named) >= 6 and named <= commands


@pytest.mark.parametrize("file", [*sorted(DOCS.glob("*.md")), ROOT / "README.md"], ids=lambda file: file.name)
def test_links_lead_somewhere(file: Path):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", file.read_text("utf-8")):
        if "://" not in target:
            assert (file.parent / target).exists(), target
