"""The stage that adds to the context what follows from it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.events.test_origins import ANDROID, CHROME, GOOGLEBOT, IPHONE
from tests.pipeline.drafts import draft
from tests.pipeline.mmdb import write_mmdb
from tests.pipeline.test_geo import LYON
from trackway.events.libraries import platform_of
from trackway.pipeline.geo import GeoFile
from trackway.pipeline.stages.enrich import Enrich, Parts
from trackway.workspace.model import Pipeline, Source, Workspace

PAGE = {"url": "https://shop.example/a?utm_source=news&gclid=G", "referrer": "https://www.google.com/"}


def enriched(context: dict[str, Any], stage: Enrich | None = None, *, user_agent: str = "") -> dict[str, Any]:
    one = draft({"event": "E", "context": context})
    one.raw = msgspec.structs.replace(one.raw, user_agent=user_agent)
    (stage or Enrich()).run([one])
    return one.event["context"]


def test_a_browsers_context_is_filled():
    context = {"userAgent": CHROME, "page": PAGE, "library": {"name": "analytics.js"}}
    assert enriched(context) == {
        **context,
        "os": {"name": "Windows", "version": "10"},
        "browser": {"name": "Chrome", "version": "142.0.0"},
        "campaign": {"source": "news"},
        "referrer": {"type": "search", "name": "Google"},
        "trackway": {"clickIds": {"gclid": "G"}},
    }


@pytest.mark.parametrize("library", ["analytics.js", "@trackway/browser"])
def test_a_library_of_pages_is_a_browsers_channel(library: str):
    found = platform_of(library)
    assert found is not None
    assert (found.channel, found.device_type) == ("browser", None)


def test_what_the_client_sent_stays():
    context = {
        "userAgent": IPHONE,
        "os": {"name": "mine"},
        "browser": {},
        "device": {"id": "d"},
        "campaign": {"name": "mine"},
        "referrer": {"type": "dataxu", "id": "x"},
        "location": {"city": "mine"},
        "ip": "203.0.113.9",
        "library": {"name": "mine"},
        "page": PAGE,
    }
    assert enriched(dict(context), user_agent="analytics-python/2.0.0") == context


def test_a_bot_is_labelled_and_kept():
    assert enriched({"userAgent": GOOGLEBOT})["trackway"] == {"bot": "Googlebot"}
    assert "trackway" not in enriched({"userAgent": CHROME})


def test_client_hints_make_it_more_exact():
    hints = {"platform": "Android", "platformVersion": "16.0.0", "model": "Pixel 10", "mobile": True}
    found = enriched({"userAgent": ANDROID, "userAgentData": hints})
    assert found["os"] == {"name": "Android", "version": "16.0.0"} and found["device"] == {"model": "Pixel 10"}


def test_a_search_of_its_own_goes_before_the_addresss():
    page = {"search": "?utm_source=a", "url": "https://shop.example/?utm_source=b"}
    assert enriched({"page": page})["campaign"] == {"source": "a"}


def test_a_page_without_a_referrer_field_says_nothing_about_it():
    assert "referrer" not in enriched({"page": {"url": "https://shop.example/"}})
    assert enriched({"page": {"url": "https://shop.example/", "referrer": ""}})["referrer"] == {"type": "direct"}


def test_libraries_and_the_devices_they_run_on():
    assert enriched({}, user_agent="analytics-go/3.3.0")["library"] == {"name": "analytics-go", "version": "3.3.0"}
    assert "library" not in enriched({}, user_agent=CHROME)
    phone = enriched({"library": {"name": "analytics-android"}, "device": {"model": "Pixel"}})
    assert phone["device"] == {"model": "Pixel", "type": "android"}
    assert enriched({"library": {"name": "analytics-android"}, "device": {"type": "tv"}})["device"] == {"type": "tv"}


@pytest.mark.parametrize("context", [
    {"userAgent": 7, "page": "x", "library": [], "device": 3, "ip": 4, "userAgentData": 1},
    {"userAgent": CHROME, "page": {"url": 1, "referrer": 2, "search": 3}, "os": None},
    {"userAgent": None, "trackway": "theirs", "page": {"url": "x?gclid=1"}},
])  # fmt: skip
def test_odd_contexts_do_no_harm(context: dict[str, Any]):
    assert enriched(dict(context)).keys() >= context.keys()


def test_events_share_nothing():
    stage = Enrich()
    first = enriched({"userAgent": IPHONE, "page": PAGE}, stage)
    for member in ("os", "browser", "device", "referrer", "campaign"):
        first[member]["changed"] = True
    second = enriched({"userAgent": IPHONE, "page": PAGE}, stage)
    assert not any("changed" in second[member] for member in ("os", "browser", "device", "referrer", "campaign"))


def test_places_come_from_the_users_file(tmp_path: Path):
    file = write_mmdb(tmp_path / "cities.mmdb", {"203.0.113.0/24": LYON})
    stage = Enrich(geo=GeoFile(file))
    assert enriched({"ip": "203.0.113.9"}, stage)["location"]["city"] == "Lyon"
    assert "location" not in enriched({"ip": "198.51.100.1"}, stage)


def test_a_workspace_says_which_parts_and_where_files_are(tmp_path: Path):
    write_mmdb(tmp_path / "cities.mmdb", {"203.0.113.0/24": LYON})
    workspace = Workspace(
        sources={"web": Source(write_keys=["a"]), "app": Source(write_keys=["b"], skip=["geo", "bots"])},
        pipeline=Pipeline(geo_file="cities.mmdb", skip=["user_agent"], own_domains=["www.Google.com"]),
        folder=tmp_path,
    )
    stage = Enrich.from_workspace(workspace)
    context = {"userAgent": GOOGLEBOT, "ip": "203.0.113.9", "page": PAGE}
    web = enriched(context, stage)
    assert "browser" not in web and web["location"]["country"] == "France"
    assert web["trackway"]["bot"] == "Googlebot" and web["referrer"] == {"type": "internal"}
    app = draft({"event": "E", "context": context}, source="app")
    stage.run([app])
    assert "location" not in app.context() and "bot" not in app.context()["trackway"]


@pytest.mark.parametrize(("part", "member"), [
    ("user_agent", "os"), ("campaign", "campaign"), ("referrer", "referrer"), ("library", "library")])  # fmt: skip
def test_each_part_can_be_left_out(part: str, member: str):
    context = {"userAgent": CHROME, "page": PAGE}
    assert member in enriched(context, user_agent="analytics-go/3.3.0")
    stage = Enrich({"web": Parts()._replace(**{part: False})})
    assert member not in enriched(context, stage, user_agent="analytics-go/3.3.0")
