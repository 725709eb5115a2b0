"""`trackway preview` and `trackway destinations`, as they are typed."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from trackway.cli import app
from trackway.destinations.preview import File, previewer, read_file
from trackway.errors import TrackwayError

SETTINGS = "type: mixpanel\nsettings: {project_token: t-1}\n"
TRACK = {"type": "track", "messageId": "m-1", "userId": "u-1", "event": "Seen"}


def run(*words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=text)


def preview(tmp_path: Path, lines: list[Any], settings: str = SETTINGS) -> list[Any]:
    (tmp_path / "s.yaml").write_text(settings)
    (tmp_path / "e.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    found = run("preview", "mixpanel", "--settings", str(tmp_path / "s.yaml"), "--events", str(tmp_path / "e.jsonl"))
    assert found.exit_code == 0, found.output
    return [json.loads(line) for line in found.stdout.splitlines()]


def test_a_line_for_each_event(tmp_path: Path) -> None:
    shown = preview(
        tmp_path,
        [
            {"id": "first", "event": TRACK},
            TRACK,
            {"id": 3, "event": TRACK | {"properties": 5}},
            {"id": 4, "event": {"type": "identify", "userId": "u-1"}},
        ],
    )
    assert [one["event"] for one in shown] == ["first", "m-1", 3, 4]
    [request] = shown[0]["requests"]
    assert request["method"] == "POST"
    assert request["url"] == "https://api.mixpanel.com/import?strict=1"
    assert request["headers"]["Authorization"] == "Basic dC0xOg=="
    assert request["body"][0]["event"] == "Seen"
    assert shown[1] == shown[0] | {"event": "m-1"}
    assert shown[2]["rejected"] == "invalid_field" and "must be an object" in shown[2]["detail"]
    assert shown[3] == {"event": 4, "requests": [], "skipped": "nothing_to_set"}


def test_settings_alone_will_do(tmp_path: Path) -> None:
    [shown] = preview(tmp_path, [TRACK], "project_token: t-1\nregion: eu\n")
    assert shown["requests"][0]["url"].startswith("https://api-eu.mixpanel.com/")


def test_forms_are_shown_as_text(tmp_path: Path) -> None:
    [shown] = preview(tmp_path, [{"type": "alias", "messageId": "m", "userId": "u", "previousId": "a"}])
    assert shown["requests"][0]["body"].startswith("data=%7B")


def test_events_may_come_from_standard_input(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SETTINGS)
    found = run("preview", "mixpanel", "--settings", str(tmp_path / "s.yaml"), "--events", "-", text=json.dumps(TRACK))
    assert json.loads(found.stdout)["event"] == "m-1"


@pytest.mark.parametrize(
    ("settings", "events", "message"),
    [
        ("{", "", "cannot be read"),
        ("[]", "", "expected settings"),
        ("settings: {}", "", "s.yaml: settings.project_token is missing"),
        ("settings: {project_token: t, region: de}", "", "s.yaml: settings.region: 'de' is none of eu, in, us"),
        ("settings: {project_token: {env: NOT_SET}}", "", "s.yaml: settings.project_token: the environment variable"),
        ("settings: {project_token: {file: nope}}", "", "nope cannot be read"),
        ("type: webhook", "", "s.yaml has settings of webhook, not of mixpanel"),
        (SETTINGS, '{"id": 1, "event": "x"}', "e.jsonl: line 1: expected {"),
        ("settings: {project_token: t, regoin: eu}", "", "s.yaml: settings.regoin is unknown; did you mean region?"),
        ("settings: {project_token: t, mappings: {x: {}}}", "", "settings.mappings.x: a new mapping needs"),
        (SETTINGS, "{}\n?", "e.jsonl: line 2 is no JSON"),
        (SETTINGS, "[]", "line 1: expected an object"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, settings: str, events: str, message: str) -> None:
    (tmp_path / "s.yaml").write_text(settings)
    (tmp_path / "e.jsonl").write_text(events)
    found = run("preview", "mixpanel", "--settings", str(tmp_path / "s.yaml"), "--events", str(tmp_path / "e.jsonl"))
    assert found.exit_code == 1
    assert message in " ".join(found.stderr.split())


def test_secrets_are_read_as_in_the_workspaces_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREVIEW_REGION", "eu")
    (tmp_path / "token").write_text("t-of-a-file\n")
    (tmp_path / "s.yaml").write_text('settings: {project_token: {file: token}, region: "${PREVIEW_REGION}"}')
    assert read_file(tmp_path / "s.yaml").settings == {"project_token": "t-of-a-file", "region": "eu"}


def test_a_line_without_an_event_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SETTINGS)
    text = "?\n" + json.dumps(TRACK)
    found = run("preview", "mixpanel", "--settings", str(tmp_path / "s.yaml"), "--events", "-", text=text)
    assert (found.exit_code, json.loads(found.stdout)["event"]) == (1, "m-1")


def test_look_ups_are_answered_as_the_file_says(tmp_path: Path) -> None:
    folder = tmp_path / "destinations"
    folder.mkdir()
    (tmp_path / "s.yaml").write_text("settings: {}\nanswers: [{url: /find, json: {id: c-1}}]\n")
    file = read_file(tmp_path / "s.yaml")
    assert file.answers[0].json == {"id": "c-1"}
    with pytest.raises(TrackwayError, match="no destination type"):
        previewer("nowhere", File())


def test_the_list_names_every_type() -> None:
    found = run("destinations", "list", "--json")
    told = [json.loads(line) for line in found.stdout.splitlines()]
    assert {"mixpanel", "amplitude", "webhook"} <= {one["type"] for one in told}
    assert run("destinations", "list").exit_code == 0


def test_a_type_is_described() -> None:
    told = json.loads(run("destinations", "describe", "mixpanel", "--json").stdout)
    assert told["settings"][0]["name"] == "project_token"
    assert {one["name"] for one in told["mappings"]} >= {"track", "order", "page"}
    shown = run("destinations", "describe", "webhook").stdout
    assert "shared_secret" in shown and "Repeats" in shown
    assert "did you mean mixpanel?" in run("destinations", "describe", "mixpanle").stderr


def test_the_schema_is_json() -> None:
    assert json.loads(run("destinations", "schema").stdout)["$ref"] == "#/$defs/Workspace"


def test_a_broken_type_of_ones_own_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "destinations").mkdir()
    (tmp_path / "destinations" / "broken.py").write_text("import nothere\n")
    found = run("destinations", "list", "--json", "-w", str(tmp_path))
    told = {one["type"]: one["summary"] for one in map(json.loads, found.stdout.splitlines())}
    assert told["broken"].endswith(
        "destinations/broken.py cannot be imported: ModuleNotFoundError: No module named 'nothere'"
    )
    assert "Mixpanel" in told["mixpanel"]


def test_a_new_type_works_at_once_and_a_broken_case_is_told(tmp_path: Path) -> None:
    where = ("-w", str(tmp_path))
    assert run("destinations", "new", "my_crm", *where).exit_code == 0
    assert "my_crm" in run("destinations", "list", "--json", *where).stdout
    assert run("destinations", "try", "my_crm", *where).exit_code == 0
    case = tmp_path / "destinations" / "my_crm.cases" / "track.json"
    case.write_text(case.read_text().replace("Bearer k-test-1", "Bearer other"))
    broken = run("destinations", "try", "my_crm", *where)
    assert broken.exit_code == 1
    assert "FAIL" in broken.stdout and "requests differ" in broken.stderr
    assert run("destinations", "try", "my_crm", "--case", "none", *where).exit_code == 1
    case.write_text('{"about": 5}')
    assert "track.json is no case: Expected `str`, got `int`" in run("destinations", "try", "my_crm", *where).stderr
    case.write_text('{"about": "x", "settings": {}}')
    assert "track.json: settings.api_key is missing" in run("destinations", "try", "my_crm", *where).stderr


def test_what_every_destination_promises_is_tried_too(tmp_path: Path) -> None:
    where = ("-w", str(tmp_path))
    run("destinations", "new", "my_crm", *where)
    module = tmp_path / "destinations" / "my_crm.py"
    counting = module.read_text().replace('json={"rows":', 'json={"n": next(COUNT), "rows":')
    module.write_text(counting + "\nimport itertools\nCOUNT = itertools.count()\n")
    case = module.with_suffix(".cases") / "track.json"
    told = json.loads(case.read_text())
    told["request"]["json"]["n"] = 0
    case.write_text(json.dumps(told))
    found = run("destinations", "try", "my_crm", *where)
    assert found.exit_code == 1 and "the same rows made different requests" in found.stderr
