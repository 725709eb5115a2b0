"""The pages of docs/destinations say what the modules say; the schema knows every setting."""

import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from trackway.destinations import handbook, kit, registry
from trackway.destinations.kit import overrides
from trackway.destinations.reference import reference
from trackway.destinations.schema import attribute_docs, workspace_schema
from trackway.testing.destinations import cases, check_case
from trackway.workspace.load import resolve
from trackway.workspace.model import Source

PAGES = Path(__file__).parents[2] / "docs" / "destinations"
ADVICE = "run `python -m trackway.destinations.handbook`"


@pytest.mark.parametrize("kind", registry.known())
def test_the_page_is_current(kind: str) -> None:
    path = PAGES / f"{kind}.md"
    assert path.exists(), ADVICE
    before = path.read_text("utf-8")
    assert handbook.page(kind, before) == before, ADVICE


def test_the_list_is_current_and_no_page_is_of_the_past() -> None:
    assert (PAGES / "README.md").read_text("utf-8") == handbook.index(), ADVICE
    assert {path.stem for path in PAGES.glob("*.md")} == {"README", "kit", "mappings", *registry.known()}


def test_the_kits_page_has_every_name_and_no_other() -> None:
    named = set(re.findall(r"`kit\.(\w+)", (PAGES / "kit.md").read_text("utf-8")))
    assert named == set(kit.__all__)


def test_the_page_about_mappings_has_every_operation() -> None:
    text = (PAGES / "mappings.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(overrides.OPERATIONS)


def _snippets(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)


def test_the_destination_of_the_kits_page_works(tmp_path: Path) -> None:
    [module], [case] = _snippets("kit.md", "python"), _snippets("kit.md", "json")
    folder = tmp_path / "destinations"
    (folder / "beacon.cases").mkdir(parents=True)
    (folder / "beacon.py").write_text(module, "utf-8")
    (folder / "beacon.cases" / "order.json").write_text(case, "utf-8")
    [(name, found)] = cases("beacon", folder=tmp_path).items()
    check_case("beacon", found, folder=tmp_path)
    assert name == "order"


@pytest.mark.parametrize("page", ["README.md", "mappings.md"])
def test_the_mappings_of_the_page_can_be_read(page: str) -> None:
    for snippet in _snippets(page, "yaml"):
        for one in yaml.safe_load(snippet)["destinations"].values():
            settings = resolve(one["settings"], Path(), environ={"MIXPANEL_TOKEN": "t-1"})
            registry.load(one["type"], settings, where="")


def test_what_people_wrote_is_kept() -> None:
    before = handbook.page("webhook").replace("None known.", "Much | is different.")
    again = handbook.page("webhook", before)
    assert "Much | is different." in again
    assert handbook.page("webhook", again) == again


@pytest.mark.parametrize("kind", registry.known())
def test_every_destination_says_where_its_facts_are_from_and_what_its_settings_mean(kind: str) -> None:
    told = reference(kind)
    assert "read 2026-" in told.facts["Source"] or kind == "webhook"
    assert "Repeats" in told.facts
    assert told.summary.endswith(".")
    assert all(action.about for action in told.actions)


def test_the_schema_has_every_type_with_its_settings_and_mappings() -> None:
    schema = workspace_schema()
    parts = schema["$defs"]
    assert parts["Destination"]["properties"]["type"]["enum"] == registry.known()
    settings = parts["mixpanel.Settings"]
    assert settings["required"] == ["project_token"]
    assert settings["properties"]["region"]["enum"] == ["eu", "in", "us"]
    assert "Access Keys" in settings["properties"]["project_token"]["description"]
    track = settings["properties"]["mappings"]["properties"]["track"]
    assert "distinct_id" in track["properties"]["fields"]["properties"]
    assert "folder" not in parts["Workspace"]["properties"]


def test_every_reference_in_the_schema_leads_somewhere() -> None:
    schema = workspace_schema()
    waiting, found = [schema], set[str]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found |= {one["$ref"]} if isinstance(one.get("$ref"), str) else set()
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    assert found and all(name.removeprefix("#/$defs/") in schema["$defs"] for name in found)


def test_the_texts_below_fields_are_found() -> None:
    assert attribute_docs(Source)["max_batch"] == "Calls beyond this number in a request are refused one by one."


_ANALYTICS = """
sources: {web: {write_keys: [k]}}
destinations:
  analytics:
    type: facebook_conversions_api
    settings:
      pixel_id: "1"
      access_token: {env: TOKEN}
      mappings:
        purchase:
          fields: {user_data.email: $.traits.mail, value: {minor_units: [$.properties.total, EUR]}}
        page: {enabled: false}
        more: {action: purchase, trigger: 'event = "Sold"', fields: {currency: EUR}}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ("pixel_id", "pixel", "settings"),
        ("facebook_conversions_api", "facebook", "type"),
        ("value:", "vaule:", "fields"),
        ("user_data.email", "user_dada.email", "fields"),
        ("fields: {currency", "fields: {curency", "mappings"),
        ("enabled: false", "enabled: 0", "mappings"),
        ("write_keys: [k]", "write_key: k", "web"),
        ("analytics:", "My Analytics:", "destinations"),
        ("settings:", "functions: []\nnothing:", "analytics"),
    ],
)
def test_an_editor_is_told_by_the_schema_what_is_wrong(right: str, wrong: str, place: str) -> None:
    validator = jsonschema_rs.validator_for(workspace_schema())
    assert [error.message for error in validator.iter_errors(yaml.safe_load(_ANALYTICS))] == []
    changed = _ANALYTICS.replace(right, wrong)
    assert changed != _ANALYTICS
    found = list(validator.iter_errors(yaml.safe_load(changed)))
    assert found
    assert any(place in error.instance_path for error in found), [error.message for error in found]
