"""Plans as files: ours and Segment's."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.workspace.plans import Controls, Plan, PlanError, Row, Rule, load_plans, plans_stamp, read_plan
from trackway.workspace.plans.model import MEMBERS
from trackway.workspace.plans.reading import parse_plan
from trackway.workspace.plans.schema import schema_of
from trackway.workspace.plans.segment import parse_segment_plan, segment_plan
from trackway.workspace.plans.writing import write_plan

SHOP = Path(__file__).parent / "shop.yaml"


def test_a_plan_is_read_as_it_is_written():
    shop = read_plan(SHOP)
    assert (shop.name, shop.id, shop.sources) == ("Shop", "shop", {"web": Controls(track="omit")})
    assert list(shop.events()) == ["Order Completed", "Signed Up", "Logged Out"]
    rule = shop.rule("track", "Order Completed")
    assert rule is not None
    assert rule.labels == {"team": "checkout"}
    rows = {row.name: row for row in rule.rows}
    assert rows["properties.total"] == Row(
        path=("properties", "total"),
        types=("number",),
        required=True,
        minimum=0,
        description="With tax and shipping.",
    )
    assert rows["properties.coupon"].types == ("string", "null")
    assert rows["properties.products.$.sku"].required
    assert [shop.rule("track", "Signed Up", version).version for version in (None, 1, 2, 9)] == [1, 1, 2, 1]  # type: ignore[union-attr]


def test_a_plan_is_written_as_it_is_read():
    assert write_plan(read_plan(SHOP)) == SHOP.read_text()


def test_a_rule_is_the_json_schema_that_segment_has():
    rule = read_plan(SHOP).rule("track", "Order Completed")
    assert rule is not None
    assert schema_of(rule) == {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "properties": {
                "type": "object",
                "properties": {
                    "order_id": {"type": "string"},
                    "total": {"type": "number", "minimum": 0, "description": "With tax and shipping."},
                    "currency": {"type": "string", "enum": ["USD", "EUR"]},
                    "coupon": {"type": ["string", "null"], "pattern": "^[A-Z0-9]{4,12}$"},
                    "paid_at": {"type": "string", "format": "date-time"},
                    "address": {"type": "object", "properties": {"city": {"type": "string"}}},
                    "products": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"sku": {"type": "string"}, "price": {"type": "number"}},
                            "required": ["sku"],
                        },
                    },
                },
                "required": ["order_id", "total"],
            },
            "context": {
                "type": "object",
                "properties": {"app": {"type": "object", "properties": {"version": {"type": "string"}}}},
            },
        },
        "required": ["properties"],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "track:\n  A:\n    properties:\n      a: strng\n",
            "plans/x.yaml:4: track.A.properties.a: there is no type 'strng'; did you mean string?; there are "
            "any, array, object, boolean, integer, number, string, null, date-time",
        ),
        ("track:\n  A:\n    propertis: {}", "plans/x.yaml:3: track.A.propertis: is unknown; did you mean properties?"),
        (
            "track:\n  A:\n    properties:\n\n      a:\n        patern: x",
            "plans/x.yaml:6: track.A.properties.a.patern: is unknown; did you mean pattern?",
        ),
        ("tracks: {}", "plans/x.yaml:1: tracks: is unknown; did you mean track?"),
        ("track: [a]", "plans/x.yaml:1: track: expected a table of names, found ['a']"),
        ("plan: x\nviolations:\n  track: drop", "plans/x.yaml:3: violations.track: is allow, flag, omit or quarantine"),
        (
            "violations: {unplanned_events: omit}",
            "plans/x.yaml:1: violations.unplanned_events: is allow, flag or quarantine",
        ),
        (
            "sources:\n  web: {unplaned_events: flag}",
            "plans/x.yaml:2: sources.web.unplaned_events: is unknown; did you mean unplanned_events?",
        ),
        (
            "track:\n  A:\n    properties:\n      a..b: string",
            "plans/x.yaml:4: track.A.properties.a..b: a path names at least one field, with one dot between two",
        ),
        (
            "track:\n  A:\n    versions:\n      one: {}",
            "plans/x.yaml:4: track.A.versions.one: a version is a whole number from 1",
        ),
        (
            "track:\n  A:\n    properties: {}\n    versions: {1: {}}",
            "plans/x.yaml:3: track.A.properties: belongs into one of the versions",
        ),
        (
            "track:\n  A:\n    properties:\n      a: {enum: free}",
            "plans/x.yaml:4: track.A.properties.a.enum: write the permitted values as a list: [a, b]",
        ),
        (
            "track:\n  A:\n    properties:\n      a: {schema: {required: [b]}}",
            "plans/x.yaml:4: track.A.properties.a.schema.required: is said by rows and columns of the table",
        ),
        (
            "track:\n  A:\n    properties:\n      a.$: string!",
            "plans/x.yaml:4: track.A.properties.a.$: members of an array cannot be required; "
            "use schema: {minItems: 1} on the array",
        ),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, message: str):
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "plans/x.yaml")
    assert str(caught.value) == message


def test_a_pattern_with_look_around_is_refused_in_its_line():
    text = "track:\n  A:\n    properties:\n      b: string\n      a: {pattern: '(?=x)'}"
    with pytest.raises(PlanError, match=r"^x.yaml:5: track.A.properties.a: the pattern \(\?=x\) cannot be used"):
        parse_plan(text, "x.yaml")


@pytest.mark.parametrize(
    "text", ["a: [", "track:\n  A: {properties: {a: string, a: number}}", "", "- a", "track:\n  A: {schema: {type: 5}}"]
)
def test_what_is_no_plan_is_an_error_or_empty(text: str):
    if not text:
        assert parse_plan(text, "x", id_="x") == Plan(name="x", id="x")
        return
    with pytest.raises(PlanError, match=r"^x:"):
        parse_plan(text, "x")


def test_segments_json_comes_in():
    text = json.dumps(
        {
            "data": {
                "trackingPlan": {"id": "tp_1", "name": "Kicks", "description": "Shoes."},
                "rules": [
                    {
                        "key": "Order Completed",
                        "type": "TRACK",
                        "version": 1,
                        "jsonSchema": {
                            "$schema": "http://json-schema.org/draft-07/schema#",
                            "type": "object",
                            "properties": {
                                "context": {"type": "object"},
                                "traits": {"type": "object"},
                                "properties": {
                                    "type": "object",
                                    "properties": {
                                        "order_id": {"type": "string", "description": "…"},
                                        "revenue": {"type": ["number", "null"]},
                                        "at": {"type": "string", "format": "date-time"},
                                        "items": {"type": "array", "items": {"type": "string", "minLength": 2}},
                                        "free": {},
                                        "open": {"type": "object", "additionalProperties": {"type": "number"}},
                                    },
                                    "required": ["order_id", "undescribed"],
                                },
                                "userId": {"type": "string", "pattern": "^u"},
                            },
                            "required": ["properties", "userId"],
                        },
                    },
                    {"key": "", "type": "COMMON", "jsonSchema": {"properties": {"context": {"required": ["app"]}}}},
                ],
            }
        }
    )
    plan = parse_segment_plan(text, "kicks.json", id_="kicks")
    assert (plan.name, plan.description) == ("Kicks", "Shoes.")
    order, common = plan.rules
    assert {row.name: (*row.types, *row.schema) for row in order.rows} == {
        "properties.order_id": ("string",),
        "properties.revenue": ("number", "null"),
        "properties.at": ("date-time",),
        "properties.items.$": ("string", "minLength"),
        "properties.free": ("any",),
        "properties.open": ("object", "additionalProperties"),
        "properties.undescribed": ("any",),
    }
    assert {row.name for row in order.rows if row.required} == {"properties.order_id", "properties.undescribed"}
    assert order.tables == ("properties",)
    assert order.schema == {"properties": {"userId": {"type": "string", "pattern": "^u"}}, "required": ["userId"]}
    assert common.rows == (Row(path=("context", "app"), required=True),)


def test_tables_without_rows_leave_no_trace_in_the_file():
    empty = {"type": "object", "properties": {}, "required": []}
    rows = {"type": "object", "properties": {"id": {"type": ["string"]}}, "required": ["id"]}
    schema = {"type": "object", "properties": {"context": empty, "traits": empty, "properties": rows}}
    rule = {"type": "TRACK", "key": "Order Completed", "version": 1, "jsonSchema": schema}
    text = json.dumps({"data": {"rules": [rule], "pagination": {"current": "MA=="}}})
    assert write_plan(parse_segment_plan(text, "x", id_="kicks")) == (
        "plan: kicks\n\ntrack:\n  Order Completed:\n    properties:\n      id: string!\n"
    )


def test_the_older_json_comes_in():
    text = json.dumps(
        {
            "name": "workspaces/w/tracking-plans/rs_1",
            "display_name": "Kicks App",
            "rules": {
                "events": [{"name": "A", "version": 2, "description": "d", "rules": {"properties": {}}}],
                "identify": {"properties": {"traits": {"properties": {"email": {"type": "string"}}}}},
                "global": {"properties": {"context": {"properties": {"ip": {"type": "string"}}}}},
            },
        }
    )
    plan = parse_segment_plan(text, "x")
    assert plan.name == "Kicks App"
    assert [(rule.type, rule.event, rule.version) for rule in plan.rules] == [
        ("track", "A", 2),
        ("identify", "", 1),
        ("common", "", 1),
    ]


@pytest.mark.parametrize(
    "text", ["[", "[]", "{}", '{"rules":[1]}', '{"rules":[{"type":"X","key":"a"}]}', '{"rules":[{"type":"TRACK"}]}']
)
def test_json_that_is_no_plan_is_an_error(text: str):
    with pytest.raises(PlanError, match=r"^x"):
        parse_segment_plan(text, "x")


def test_a_file_that_is_no_yaml_is_told_with_its_line(tmp_path: Path):
    (tmp_path / "p.yaml").write_text("plan: Shop\ntrack: [\n")
    with pytest.raises(PlanError, match=r"p\.yaml:3: did not find expected node content$"):
        read_plan(tmp_path / "p.yaml")
    (tmp_path / "p.yaml").write_bytes(b"plan: \xff")
    with pytest.raises(PlanError, match=r"p\.yaml cannot be read: it is no UTF-8 text \(byte 6\)$"):
        read_plan(tmp_path / "p.yaml")


_NAMES = st.one_of(
    st.sampled_from(["a", "b c", "d.e", "null", "1", "yes", "on", "é", "#x", "a: b", "'q'", "2020-01-01", "-", "~"]),
    st.text("abc:.-#'\"{}[] ,&*!|>%@`\\\n", min_size=1, max_size=5),
)
_STEPS = st.lists(_NAMES, min_size=1, max_size=3)
_TYPES = st.sampled_from(
    [("any",), ("string",), ("number", "null"), ("object",), ("array",), ("boolean",), ("date-time",), ("integer",)]
)


@st.composite
def _rows(draw: st.DrawFn, table: str) -> tuple[Row, ...]:
    paths = draw(st.lists(_STEPS, max_size=4, unique_by=tuple))
    return tuple(
        Row(
            path=(table, *path),
            types=draw(_TYPES),
            required=draw(st.booleans()),
            enum=tuple(draw(st.sampled_from([[], ["a", "b"], [1, None, True]]))),
            minimum=draw(st.sampled_from([None, 0, 1.5])),
            description=draw(st.sampled_from(["", "Some words: with a colon.", "é\nand a line"])),
        )
        for path in paths
    )


@st.composite
def _plans(draw: st.DrawFn) -> Plan:
    rules: list[Rule] = []
    for name in draw(st.lists(_NAMES, max_size=3, unique=True)):
        versions = draw(st.sampled_from([[1], [1, 2], [3]]))
        for version in versions:
            tables = tuple(table for table in MEMBERS["track"] if draw(st.booleans()))
            rows = tuple(row for table in tables for row in draw(_rows(table)))
            rules.append(Rule(type="track", event=name, version=version, tables=tables, rows=rows))
    if draw(st.booleans()):
        rules.append(Rule(type="identify", tables=("traits",), rows=draw(_rows("traits")), labels={"k": "v: w"}))
    controls = Controls(track=draw(st.sampled_from(["flag", "omit"])))
    sources = draw(st.sampled_from([None, {"web": controls}, {"web": Controls(page="allow"), "app": controls}]))
    return Plan(
        name=draw(_NAMES),
        description=draw(st.sampled_from(["", "x"])),
        sources=sources,
        controls=controls,
        rules=tuple(rules),
    )


def test_names_of_any_length_come_back_from_yaml():
    long = "x: y" * 600
    row = Row(path=("properties", long), types=("object",), schema={"default": {long: 1}})
    plan = Plan(name="P", rules=(Rule(type="track", event=long, tables=("properties",), rows=(row,)),))
    assert parse_plan(write_plan(plan), "x") == plan


@settings(max_examples=60, deadline=None)
@given(_plans())
def test_any_plan_comes_back_from_its_yaml(plan: Plan):
    assert parse_plan(write_plan(plan), "x") == plan


@settings(max_examples=60, deadline=None)
@given(_plans())
def test_any_plan_comes_back_from_segments_json_with_the_same_schemas(plan: Plan):
    back = parse_segment_plan(json.dumps(segment_plan(plan)), "x")

    def schemas(one: Plan) -> dict[Any, Any]:
        return {(rule.type, rule.event, rule.version): _plain(schema_of(rule)) for rule in one.rules}

    assert schemas(back) == schemas(plan)


def _plain(schema: Any) -> Any:
    """A schema without what says nothing: empty tables of the context, and the order of required names."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: sorted(value) if key == "required" else _plain(value) for key, value in schema.items()}
    return {key: value for key, value in found.items() if not (key == "context" and value == {"type": "object"})}


def test_which_plan_a_source_follows(tmp_path: Path):
    folder = tmp_path / "plans"
    folder.mkdir()
    (folder / "shop.yaml").write_text("sources: {web: {track: quarantine}}")
    (folder / "rest.yml").write_text("plan: Rest")
    plans = load_plans(tmp_path, ["web", "app"])
    web, app = plans.of("web"), plans.of("app")
    assert web is not None
    assert app is not None
    assert (web.plan.id, web.controls.track) == ("shop", "quarantine")
    assert (app.plan.name, app.controls) == ("Rest", Controls())
    assert plans.of("other") is None
    (folder / "more.yaml").write_text("sources: [web]")
    with pytest.raises(PlanError, match="the source web is in two plans, more and shop"):
        load_plans(tmp_path, ["web", "app"])
    (folder / "more.yaml").write_text("sources: [wep]")
    with pytest.raises(PlanError, match=r"there is no source wep; did you mean web\?"):
        load_plans(tmp_path, ["web", "app"])
    (folder / "more.yaml").write_text("plan: More")
    with pytest.raises(PlanError, match="both for every source"):
        load_plans(tmp_path, ["web", "app"])


def test_a_workspace_without_plans_has_none(tmp_path: Path):
    assert load_plans(tmp_path, ["web"]).of("web") is None
    assert plans_stamp(tmp_path) == ()


def test_the_stamp_changes_with_the_files(tmp_path: Path):
    (tmp_path / "plans").mkdir()
    stamps = {plans_stamp(tmp_path)}
    (tmp_path / "plans" / "a.yaml").write_text("plan: A")
    stamps.add(plans_stamp(tmp_path))
    (tmp_path / "plans" / "a.yaml").write_text("plan: Ab")
    stamps.add(plans_stamp(tmp_path))
    (tmp_path / "plans" / "b.yaml").write_text("plan: B")
    stamps.add(plans_stamp(tmp_path))
    assert len(stamps) == 4
