"""docs/pipeline.md says what is so."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import yaml

from trackway.events.money import parse_amount
from trackway.events.naming_lint import Code, lint_name
from trackway.events.reasons import FINDINGS
from trackway.events.reserved import repair_properties
from trackway.events.semantic import recognise
from trackway.pipeline.chain import build_chain
from trackway.pipeline.ends import DEDUPLICATE
from trackway.workspace.load import convert
from trackway.workspace.model import Pipeline, Step, Workspace

PAGE = (Path(__file__).parents[2] / "docs" / "pipeline.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first heading is `heading`, code marks taken off."""
    lines = PAGE.split(f"\n| {heading} |", 1)[1].splitlines()[2:]
    found: list[list[str]] = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return found


def test_the_stages_are_listed_in_order(tmp_path: Path):
    names = [stage.name for stage in build_chain(Workspace(sources={}, folder=tmp_path))]
    assert [row[0] for row in rows("stage")] == [DEDUPLICATE, "read", *names]
    parts = {part for row in rows("stage") for part in row[2].split(", ") if part}
    assert parts == set(get_args(Step))


def test_the_settings_are_listed_with_their_defaults():
    defaults = {field.name: field.default for field in msgspec.structs.fields(Pipeline)}
    found = {row[0]: row[1] for row in rows("setting of `pipeline`")}
    assert found.keys() == defaults.keys()
    written = {name: yaml.safe_load(text) for name, text in found.items() if text not in ("none", "[]")}
    assert convert(written, Pipeline, where="pipeline") == Pipeline()


def test_the_settings_shown_can_be_read():
    text = PAGE.split("```yaml\n", 1)[1].split("```", 1)[0]
    assert convert(yaml.safe_load(text), Workspace, where="").pipeline.geo_file == "GeoLite2-City.mmdb"


def test_the_findings_of_this_page_exist():
    for table in PAGE.split("| finding | when |")[1:]:
        listed = [line for line in table.splitlines()[2:] if line.startswith("|")]
        codes = re.findall(
            r"`([a-z_]+)`", "\n".join(line.split("|")[1] for line in table.split("\n\n")[0].splitlines()[2:])
        )
        assert listed and codes and set(codes) <= FINDINGS.keys()


def test_the_amounts_are_read_as_shown():
    for text, result in rows("text"):
        properties = {"total": text}
        remarks = repair_properties(properties)
        if result.startswith("stays"):
            assert properties == {"total": text} and remarks[0].code == result.removeprefix("stays: ")
        else:
            assert repr(properties["total"]) == result.split(",")[0]
            assert parse_amount(text) is not None


def test_the_names_are_judged_as_shown():
    for name, code, suggestion in rows("name"):
        (problem,) = lint_name(name)
        assert (problem.code, problem.suggestion or "") == (code, suggestion)
    assert set(get_args(Code)) == {row[1] for row in rows("name")} | {"near_duplicate"}


def test_the_spellings_are_recognised_as_shown():
    for spelled, name in (("CompletedOrder", "Order Completed"), ("Viewed Product Category", "Product List Viewed")):
        found = recognise(spelled)
        assert f"`{spelled}`" in PAGE and found is not None and found.name == name
