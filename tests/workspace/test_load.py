"""trackway.yaml: what it may say, where a value may come from, and errors that point and help."""

import stat
from pathlib import Path

import pytest

from trackway.workspace import Secret, WorkspaceError, load_workspace
from trackway.workspace.create import console_token, create_workspace
from trackway.workspace.model import Destination, Log, Source, Warehouse

MINIMAL = "sources: {web: {write_keys: [wk]}}\n"


def load(folder: Path, text: str, **environ: str):
    (folder / "trackway.yaml").write_text(text)
    return load_workspace(folder, environ=environ)


def test_defaults(tmp_path: Path):
    workspace = load(tmp_path, MINIMAL)
    assert workspace.sources == {"web": Source(write_keys=["wk"])}
    assert (workspace.collector.host, workspace.collector.port) == ("127.0.0.1", 8080)
    assert (workspace.console.host, workspace.console.port) == ("127.0.0.1", 8081)
    assert workspace.warehouses == {"duckdb": Warehouse()}
    assert workspace.data == tmp_path.resolve() / "data"
    assert workspace.display_name("web") == "web"


def test_durations_and_sizes(tmp_path: Path):
    workspace = load(tmp_path, MINIMAL + "log: {keep: 2 days, keep_size: 1.5 GiB, segment_size: 1000}")
    assert workspace.log == Log(keep=172_800.0, keep_size=1_610_612_736, segment_size=1000)


def test_an_override_that_is_no_yaml_is_named(tmp_path: Path):
    with pytest.raises(WorkspaceError, match=r"^TRACKWAY__LOG__KEEP: its value is no YAML: .*; put it into quotes$"):
        load(tmp_path, MINIMAL, TRACKWAY__LOG__KEEP="[")


def test_environment_overrides_any_key(tmp_path: Path):
    workspace = load(tmp_path, MINIMAL, TRACKWAY__COLLECTOR__PORT="9000", TRACKWAY__LOG__KEEP="3h", OTHER="x")
    assert workspace.collector.port == 9000 and workspace.log.keep == 10_800


def test_secrets_come_from_the_environment_or_a_file_and_do_not_show(tmp_path: Path):
    (tmp_path / "secret.txt").write_text("from-file\n")
    text = MINIMAL + (
        "console: {token: {env: TOKEN}}\n"
        "destinations: {hook: {type: webhook, settings: {shared_secret: {file: secret.txt}, url: 'http://${HOST}/x'}}}"
    )
    workspace = load(tmp_path, text, TOKEN="t0p", HOST="h.example")
    assert workspace.console.token == Secret("t0p") and workspace.console.token.reveal() == "t0p"
    assert "t0p" not in repr(workspace) and "t0p" not in f"{workspace.console.token}"
    settings = {"shared_secret": "from-file", "url": "http://h.example/x"}
    assert workspace.destinations == {"hook": Destination(type="webhook", settings=settings)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources: {web: {write_kes: [wk]}}", r"sources\.web\.write_kes is unknown; did you mean write_keys\?"),
        (MINIMAL + "log: {kep: 1}", r"log\.kep is unknown; did you mean keep\?"),
        (MINIMAL + "xyzzy: 1", r"trackway\.yaml: xyzzy is unknown; there are sources, destinations, .*, privacy$"),
        (
            "sources: {web: {write_keys: [wk], xyzzy: 1}}",
            r"sources\.web\.xyzzy is unknown; there are name, write_keys, ",
        ),
        (
            "sources: {web: {write_keys: [wk], tracking_plan: shop}}",
            r"web\.tracking_plan is unknown; .* files in plans/",
        ),
        (MINIMAL + "log: {keep: soon}", r'log\.keep: write it like "30s".*not .soon.'),
        (MINIMAL + "collector: {port: 99999}", r"collector\.port: Expected `int` <= 65535"),
        ("sources: {web: {}}", r"sources\.web\.write_keys is missing"),
        ("sources: {web: {write_keys: []}}", r"sources\.web\.write_keys: Expected `array` of length >= 1"),
        ("sources: {Web Shop: {write_keys: [a]}}", r"sources: .Web Shop. cannot be a name"),
        ("sources: {a: {write_keys: [k]}, b: {write_keys: [k]}}", r"sources\.b\.write_keys: .* also in a$"),
        ("sources: {a: {write_keys: [' k']}}", r"sources\.a\.write_keys: .* spaces"),
        (
            MINIMAL + "destinations: {x: {type: webhook, sources: [wep]}}",
            r"destinations\.x\.sources: there is no source wep; did you mean web\?",
        ),
        (
            MINIMAL + "warehouses: {pg: {type: postgres}}",
            r"warehouses\.pg\.url: a PostgreSQL warehouse needs the address",
        ),
        (
            MINIMAL + "warehouses: {d: {url: x}}",
            r"warehouses\.d\.url: only a warehouse of type postgres has this; .*duckdb",
        ),
        (
            MINIMAL + "warehouses: {pg: {type: postgres, url: x, path: y}}",
            r"warehouses\.pg\.path: only a warehouse of type duckdb or files has this",
        ),
        (
            MINIMAL + "warehouses: {one: {}, two: {path: ./data/warehouse.duckdb}}",
            r"two\.path: one is loaded into the same",
        ),
        (MINIMAL + "warehouses: {lake: {type: files}}", r"warehouses\.lake\.path: a warehouse of files needs a place"),
        (MINIMAL + "warehouses: {d: {tables: {t: {kep: 1}}}}", r"tables\.t\.kep is unknown; did you mean keep\?"),
        (MINIMAL + "console: {token: {env: NOPE}}", r"console\.token: the environment variable NOPE is not set"),
        (MINIMAL + "console: {token: {file: nope}}", r"console\.token: .*nope cannot be read"),
        ("- a", r"expected settings such as `sources:`"),
        ("a: [", r"cannot be read"),
        ("{}", r"trackway\.yaml: sources is missing"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_way_out(tmp_path: Path, text: str, message: str):
    with pytest.raises(WorkspaceError, match=message):
        load(tmp_path, text)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(WorkspaceError, match="trackway up --workspace"):
        load_workspace(tmp_path)


def test_a_new_workspace_loads_and_is_not_overwritten(tmp_path: Path):
    folder = tmp_path / "shop"
    assert create_workspace(folder) == folder / "trackway.yaml"
    key = load_workspace(folder, environ={}).sources["web"].write_keys[0]
    assert key.startswith("wk_") and len(key) > 20
    assert create_workspace(folder) is None
    assert load_workspace(folder, environ={}).sources["web"].write_keys == [key]


def test_the_console_token_is_made_once_and_is_private(tmp_path: Path):
    token = console_token(tmp_path / "data")
    assert len(token) >= 32 and console_token(tmp_path / "data") == token
    assert stat.S_IMODE((tmp_path / "data" / "console-token").stat().st_mode) == 0o600


def test_whoever_only_looks_need_not_have_the_secrets_for_sending(tmp_path: Path) -> None:
    (tmp_path / "trackway.yaml").write_text(
        "sources: {web: {write_keys: [w]}}\n"
        "destinations: {crm: {type: hubspot, settings: {access_token: {env: A}, portal_id: '${B}', more: {file: c}}}}\n"
        "alerts: {channels: {chat: {type: slack, url: {env: D}}}}\n"
    )
    with pytest.raises(WorkspaceError, match="the environment variable A is not set"):
        load_workspace(tmp_path, environ={})
    found = load_workspace(tmp_path, environ={"B": "7"}, sending=False)
    assert found.destinations["crm"].settings == {"access_token": "", "portal_id": "7", "more": ""}
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [{env: A}]}}\n")
    with pytest.raises(WorkspaceError, match="the environment variable A is not set"):
        load_workspace(tmp_path, environ={}, sending=False)
