"""Generated code: it passes the strict checkers of its language, and what it sends is as planned."""

import importlib.util
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from segment.analytics.client import Client

from tests.services import find_node_package
from trackway.workspace.plans import PlanCheck, read_plan
from trackway.workspace.plans.codegen import python_code, typescript_code

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PLANS = ["shop", "awkward"]

PYTHON_USE = """
import segment.analytics
from awkward import Tracker as Awkward
from shop import Client, OrderCompleted, Tracker

client = segment.analytics.Client("k")
typed: Client = client
tracker = Tracker(typed)
order: OrderCompleted = {"order_id": "o", "total": 1}
tracker.order_completed(order, user_id="u")
tracker.signed_up_v2({"plan": "pro", "channel": "ad"}, anonymous_id="a")
tracker.logged_out(user_id="u")
Awkward(client).class_({"1st choice": "x", "when": "2026-11-20T10:00:00Z"}, user_id="u")

tracker.order_completed({"order_id": "o"}, user_id="u")  # error: total
tracker.order_completed({"order_id": "o", "total": "1"}, user_id="u")  # error: text
tracker.order_completed({"order_id": "o", "total": 1, "currency": "GBP"}, user_id="u")  # error: GBP
tracker.order_completed({"order_id": "o", "total": 1, "colour": "red"}, user_id="u")  # error: colour
tracker.order_completed(order, user="u")  # error: option
"""

TYPESCRIPT_USE = """
import { Analytics } from "@segment/analytics-node";
import { Tracker } from "./shop.js";
import { Tracker as Awkward } from "./awkward.js";

const client = new Analytics({ writeKey: "k", host: process.argv[2], flushAt: 100 });
const tracker = new Tracker(client);
tracker.orderCompleted({ order_id: "o", total: 1, products: [{ sku: "s", price: 2 }] }, { userId: "u" });
tracker.signedUpV2({ plan: "pro", channel: "ad" }, { anonymousId: "a", context: { protocols: { kept: 1 } } });
tracker.loggedOut({}, { userId: "u" });
tracker.identify({ email: "e", age: 3 }, { userId: "u" });
tracker.page(undefined, { path: "/" }, { userId: "u" });
new Awkward(client).group("g", { name: "G" }, { userId: "u" });
if (process.argv[2] === undefined) {
  // @ts-expect-error total is missing
  tracker.orderCompleted({ order_id: "o" }, { userId: "u" });
  // @ts-expect-error not a permitted value
  tracker.orderCompleted({ order_id: "o", total: 1, currency: "GBP" }, { userId: "u" });
  // @ts-expect-error not in the plan
  tracker.orderCompleted({ order_id: "o", total: 1, colour: "red" }, { userId: "u" });
  // @ts-expect-error nobody did it
  tracker.loggedOut({}, {});
}
await client.closeAndFlush();
"""


@contextmanager
def recording() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that takes batches; gives its address and the calls it got."""
    calls: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            calls.extend(body["batch"])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def module(name: str, folder: Path) -> ModuleType:
    file = folder / f"{name}.py"
    file.write_text(python_code(read_plan(HERE / f"{name}.yaml")))
    spec = importlib.util.spec_from_file_location(f"generated_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.timeout(120)
def test_python_passes_pyright_and_wrong_calls_do_not(node: str, tmp_path: Path):
    for name in PLANS:
        (tmp_path / f"{name}.py").write_text(python_code(read_plan(HERE / f"{name}.yaml")))
    (tmp_path / "use.py").write_text(PYTHON_USE)
    settings = {"strict": [f"{name}.py" for name in PLANS], "pythonVersion": "3.11"}
    import segment

    settings["extraPaths"] = [str(Path(segment.__path__[0]).parent)]
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    pyright = find_node_package("pyright") / "index.js"
    done = subprocess.run([node, pyright, "--outputjson", "-p", tmp_path], capture_output=True, text=True, timeout=100)
    problems = json.loads(done.stdout)["generalDiagnostics"]
    wrong = [number for number, line in enumerate(PYTHON_USE.splitlines()) if "# error" in line]
    assert [(Path(one["file"]).name, one["range"]["start"]["line"]) for one in problems] == [
        ("use.py", number) for number in wrong
    ]


def test_python_sends_what_is_planned(tmp_path: Path):
    shop = module("shop", tmp_path)
    with recording() as (url, calls):
        client = Client("wk", host=url, sync_mode=True)
        tracker = shop.Tracker(client)
        tracker.order_completed(
            {"order_id": "o-1", "total": 20, "products": [{"sku": "s"}]}, user_id="u", message_id="m-1"
        )
        tracker.signed_up_v1({"plan": "anything"}, anonymous_id="a")
        tracker.signed_up_v2(
            {"plan": "pro", "channel": "ad"}, user_id="u", context={"ip": "192.0.2.1", "protocols": {"kept": 1}}
        )
        tracker.logged_out(user_id="u")
        tracker.identify({"email": "e"}, user_id="u")
        tracker.page({"path": "/"}, "Home", user_id="u")
    check = PlanCheck(read_plan(HERE / "shop.yaml"))
    assert [check.judge(call) for call in calls] == [([], False)] * 6
    assert [(call["type"], call.get("event")) for call in calls] == [
        ("track", "Order Completed"),
        ("track", "Signed Up"),
        ("track", "Signed Up"),
        ("track", "Logged Out"),
        ("identify", None),
        ("page", None),
    ]
    assert (calls[0]["messageId"], calls[0]["userId"]) == ("m-1", "u")
    assert calls[1]["context"]["protocols"] == {"event_version": 1}
    assert calls[2]["context"]["protocols"] == {"kept": 1, "event_version": 2}
    assert calls[2]["context"]["ip"] == "192.0.2.1"
    assert calls[5]["name"] == "Home"


@pytest.mark.timeout(120)
def test_typescript_passes_tsc_and_sends_what_is_planned(node: str, tmp_path: Path):
    for name in PLANS:
        (tmp_path / f"{name}.ts").write_text(typescript_code(read_plan(HERE / f"{name}.yaml")))
    (tmp_path / "use.ts").write_text(TYPESCRIPT_USE)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(find_node_package("@segment/analytics-node").parents[1])
    tsc = find_node_package("typescript") / "bin" / "tsc"
    strict = ["--strict", "--noUnusedLocals", "--noUnusedParameters", "--exactOptionalPropertyTypes", "--skipLibCheck"]
    target = ["--module", "nodenext", "--target", "es2022", "--types", "node"]
    done = subprocess.run(
        [node, tsc, *strict, *target, "use.ts"], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.stdout == ""
    with recording() as (url, calls):
        sent = subprocess.run(
            [node, "use.js", url], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert sent.returncode == 0, sent.stderr
    check = PlanCheck(read_plan(HERE / "shop.yaml"))
    assert [check.judge(call).violations for call in calls] == [[]] * 6
    assert [(call["type"], call.get("event")) for call in calls] == [
        ("track", "Order Completed"),
        ("track", "Signed Up"),
        ("track", "Logged Out"),
        ("identify", None),
        ("page", None),
        ("group", None),
    ]
    assert calls[1]["context"]["protocols"] == {"kept": 1, "event_version": 2}
    assert calls[5]["groupId"] == "g"


def test_awkward_names_get_names_of_their_own(tmp_path: Path):
    awkward = module("awkward", tmp_path)
    methods = {name for name in vars(awkward.Tracker) if not name.startswith("_")}
    assert methods == {
        *("class_", "class_2", "track_event", "identify_event", "identify", "ünïcode_évent_漢字", "event"),
        *("event_2nd_visit", "order_completed_v1", "order_completed_v2", "group", "page", "screen"),
    }
