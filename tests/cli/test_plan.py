"""`trackway plan`, from the first draft to code."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from trackway.cli import app
from trackway.events.records import EVENTS, EventRecord, Place, encode
from trackway.node.logs import open_clean_log
from trackway.workspace import load_workspace

SHOP = Path(__file__).parents[1] / "workspace" / "plans" / "shop.yaml"
AT = 1_795_168_800_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [wk]}, app: {write_keys: [wk2]}}")
    monkeypatch.setenv("TRACKWAY_WORKSPACE", str(tmp_path))
    return tmp_path


def run(*arguments: object, code: int = 0, input: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["plan", *map(str, arguments)], input=input)
    assert result.exit_code == code, result.output
    return result


def jsonl(file: Path, *calls: Any) -> Path:
    file.write_text("".join((call if isinstance(call, str) else json.dumps(call)) + "\n" for call in calls))
    return file


def order(**properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": "u", "properties": properties}


def test_infer_from_the_log(folder: Path):
    clean = open_clean_log(load_workspace(folder))
    with clean.writer(0) as writer:
        for number in range(3):
            source = "app" if number == 2 else "web"
            body = json.dumps(order(order_id=f"o{number}") if source == "web" else order(other=1)).encode()
            record = EventRecord(source, "track", f"m{number}", "Order Completed", "u", None, AT, AT, Place(0, 0), body)
            writer.append({EVENTS: [encode(record)]})
    clean.close()
    out = folder / "plans" / "web.yaml"
    assert "2 events, 1 rules." in run("infer", "--source", "web", "--name", "Web", "-o", out).output
    assert out.read_text() == (
        "plan: Web\nsources: [web]\n\ntrack:\n  Order Completed:\n    properties:\n      order_id: string!\n"
    )
    assert run("check").output == "1 rules, nothing wrong.\n"


def test_names_that_no_event_keeps_are_told(folder: Path):
    file = folder / "plans" / "web.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        "track:\n"
        "  order_completed: {properties: {orderId: string!, products.$.productId: string, products.$.sku: string}}\n"
        "  Order Completed: {properties: {orderId: string, order_id: string}}\n"
        "  Signed up: {properties: {id: string}}\n"
    )
    told = run("check", file).output.splitlines()
    assert told[:3] == [
        "track.order_completed: such events go on as Order Completed, which the plan has too",
        "track.order_completed.properties.orderId: it goes on as order_id",
        "track.order_completed.properties.products.$.productId: it goes on as product_id",
    ]
    assert told[3].startswith("Name them so in the plan, or set `pipeline.rename_events: false`")
    assert told[4:] == ["3 rules, nothing wrong."]
    assert run("check").output.splitlines() == told
    settings = folder / "trackway.yaml"
    settings.write_text(settings.read_text() + "\npipeline: {rename_events: false}\n")
    assert run("check").output == "3 rules, nothing wrong.\n"


def test_infer_needs_events(folder: Path):
    assert "there are no events" in run("infer", jsonl(folder / "none.jsonl"), code=1).output


def test_lint_tells_what_is_wrong_with_each_call(folder: Path):
    file = jsonl(
        folder / "calls.jsonl",
        order(order_id="o", total=1),
        order(total="many"),
        {"type": "track", "event": "Order Completed"},
        "not json",
        {"topic": "raw", "call": order(order_id="o", total=1, x=1)},
    )
    result = run("lint", file, "--plan", SHOP, code=1)
    assert result.stdout.splitlines() == [
        f"{file}:2: Order Completed: properties.order_id is required",
        f"{file}:2: Order Completed: properties.total should be a number, was a string",
        f"{file}:3: Order Completed: Give `userId` or `anonymousId`, a non-empty text.",
        f"{file}:5: Order Completed: properties.x is not in the plan",
    ]
    assert f"{file}:4: not JSON" in result.stderr
    assert "4 of 5 calls are not as planned." in result.stderr
    problems = [json.loads(line) for line in run("lint", file, "--plan", SHOP, "--json", code=1).stdout.splitlines()]
    assert problems[2] == {
        "line": 3,
        "event": "Order Completed",
        "code": "no_user_anon_id",
        "pointer": "/userId",
        "message": "Give `userId` or `anonymousId`, a non-empty text.",
    }


def test_lint_advises_on_names_that_the_plan_does_not_have(folder: Path):
    plan = folder / "free.yaml"
    plan.write_text("track:\n  Order Completed: {}\n")
    file = jsonl(
        folder / "calls.jsonl",
        *({"type": "track", "event": name, "userId": "u"} for name in ("Order Completed", "order_completed") * 2),
        {"type": "track", "event": "Cart Viewed", "userId": "u"},
        {"type": "track", "event": 5, "userId": "u"},
    )
    found = [json.loads(line) for line in run("lint", file, "--plan", plan, "--json", code=1).stdout.splitlines()]
    assert [(one["line"], one["code"]) for one in found] == [
        (2, "name_case"),
        (2, "name_near_duplicate"),
        (2, "event_renamed"),
        (4, "event_renamed"),
        (5, "plan_unplanned"),
        (6, "event_not_string"),
    ]
    assert found[0]["message"] == "Write it in Proper Case, with spaces. Better: Order Completed"


def test_what_the_server_would_repair_is_advice_and_not_wrong(folder: Path):
    old = {**order(orderId="o", total="$1"), "event": "order_completed"}
    file = jsonl(folder / "calls.jsonl", old)
    result = run("lint", file, "--plan", SHOP, "--json")
    found = {one["code"]: one["message"] for one in map(json.loads, result.stdout.splitlines())}
    assert {"event_renamed", "property_renamed", "number_was_text", "name_case"} <= found.keys()
    assert found["number_was_text"].startswith("properties.total: An amount")
    (folder / "plans").mkdir()
    (folder / "plans" / "shop.yaml").write_text(SHOP.read_text())
    (folder / "trackway.yaml").write_text(
        (folder / "trackway.yaml").read_text() + "\npipeline: {skip: [semantic_events, reserved_properties]}\n"
    )
    assert "the event is not in the plan" in run("lint", file, code=1).stdout


def test_a_file_that_is_no_json_does_not_pass(folder: Path):
    file = folder / "calls.jsonl"
    file.write_bytes(b"\xff\xfe\n")
    assert "1 of 1 calls are not as planned." in run("lint", file, "--plan", SHOP, code=1).stderr


def test_lint_uses_the_plan_of_the_source(folder: Path):
    good = json.dumps(order(order_id="o", total=1))
    assert "the source web follows no plan" in run("lint", "-", input=good, code=1).output
    (folder / "plans").mkdir()
    (folder / "plans" / "shop.yaml").write_text(SHOP.read_text())
    assert "0 of 1 calls" in run("lint", "-", input=good).output
    assert "the source app follows no plan" in run("lint", "-", "--source", "app", input=good, code=1).output


def test_diff_and_check_for_ci(folder: Path):
    new = folder / "new.yaml"
    new.write_text(SHOP.read_text().replace("coupon:           {type: string|null", "coupon: {type: string|null!"))
    assert run("diff", SHOP, new).stdout == "Order Completed, properties.coupon became required (breaks senders)\n"
    assert json.loads(run("diff", SHOP, new, "--json").stdout) == {
        "what": "Order Completed, properties.coupon",
        "change": "became required",
        "breaks": "senders",
    }
    assert "1 breaking changes" in run("check", new, "--against", SHOP, code=1).output
    assert "nothing wrong" in run("check", new, "--against", SHOP, "--for", "readers").output
    assert "1 breaking changes" in run("check", SHOP, "--against", new, "--for", "both", code=1).output
    assert "name the one plan" in run("check", "--against", SHOP, code=1).output


def test_check_points_at_the_line_of_a_mistake(folder: Path):
    (folder / "plans").mkdir()
    file = folder / "plans" / "shop.yaml"
    file.write_text("track:\n  A:\n    properties:\n      a: strng\n")
    assert f"{file}:4: track.A.properties.a: there is no type 'strng'" in run("check", code=1).output
    file.write_text("sources: [wep]")
    assert "there is no source wep; did you mean web?" in run("check", code=1).output


def test_segments_json_goes_out_and_comes_in(folder: Path):
    exported = folder / "shop.json"
    run("export", SHOP, "-o", exported)
    assert json.loads(exported.read_text())["rules"][0]["key"] == "Order Completed"
    imported = folder / "back.yaml"
    run("import", exported, "--source", "web", "-o", imported)
    assert run("diff", SHOP, imported).output == "No changes.\n"
    assert imported.read_text().splitlines()[2] == "sources: [web]"


def test_codegen_writes_code(folder: Path):
    assert "class Tracker:" in run("codegen", "python", SHOP).stdout
    run("codegen", "typescript", SHOP, "-o", folder / "made" / "shop.ts")
    assert "export class Tracker" in (folder / "made" / "shop.ts").read_text()
