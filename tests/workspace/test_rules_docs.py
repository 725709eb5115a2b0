"""The pages on filters, tracking plans and privacy say what works."""

import re
from pathlib import Path

import pytest
import yaml

from trackway.cli.plan import plan as plan_commands
from trackway.events import fql
from trackway.events.fql.functions import FUNCTIONS
from trackway.workspace import load_workspace
from trackway.workspace.plans import Controls, PlanError
from trackway.workspace.plans.model import TYPES
from trackway.workspace.plans.reading import parse_plan

DOCS = Path(__file__).parents[2] / "docs"
SOURCES = "sources: {web: {write_keys: [wk]}}\n"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def test_every_query_compiles_and_every_function_is_there():
    queries = [line for block in blocks("filters.md", "fql") for line in block.splitlines()]
    assert len(queries) > 5
    for query in queries:
        fql.compile(query)
    page = (DOCS / "filters.md").read_text("utf-8")
    assert [name for name in FUNCTIONS if f"`{name}" not in page] == []


def test_the_shown_error_is_the_error():
    with pytest.raises(fql.FqlError) as caught:
        fql.compile("type == 'track'")
    assert f"```\n{caught.value}\n```" in (DOCS / "filters.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["filters.md", "privacy.md"])
def test_settings_load(page: str, tmp_path: Path):
    found = blocks(page, "yaml")
    assert found
    for block in found:
        (tmp_path / "trackway.yaml").write_text(SOURCES + block, "utf-8")
        load_workspace(tmp_path, environ={"PRIVACY_SALT": "s"})


def test_the_plan_can_be_used_and_all_is_documented():
    [text] = blocks("tracking-plans.md", "yaml")
    assert len(parse_plan(text, "x").rules) == 6
    page = (DOCS / "tracking-plans.md").read_text("utf-8")
    names = [command.name or getattr(command.callback, "__name__", "") for command in plan_commands.registered_commands]
    wanted = [*TYPES, *Controls.__struct_fields__, *(f"plan {name}" for name in names)]
    assert [name for name in wanted if name not in page] == []


def test_the_shown_mistake_is_the_mistake():
    [text] = blocks("tracking-plans.md", "yaml")
    with pytest.raises(PlanError) as caught:
        parse_plan(text.replace("type: number!", "type: nubmer!"), "plans/shop.yaml")
    told = str(caught.value).split("; there are")[0]
    page = " ".join((DOCS / "tracking-plans.md").read_text("utf-8").split())
    assert re.sub(r":\d+:", ":9:", told) in page
    assert yaml.safe_load(text)["plan"] == "Shop"
