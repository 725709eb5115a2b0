"""The collector's smaller parts, each on its own: proxies, rate limits, recent ids, pixels, routes."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.collector.pixel import read_pixel
from trackway.collector.proxies import Proxies
from trackway.collector.rate_limit import TokenBucket
from trackway.collector.recent_ids import RecentIds
from trackway.collector.refused import Refused
from trackway.collector.routes import find_route


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", b"1.1.1.1", "203.0.113.9"),  # nobody we trust: what it says is not believed
        ("10.0.0.5", b"198.51.100.7", "198.51.100.7"),
        ("10.0.0.5", b"6.6.6.6, 198.51.100.7, 10.1.2.3", "198.51.100.7"),  # the client wrote the first one itself
        ("10.0.0.5", b"10.9.9.9", "10.9.9.9"),
        ("10.0.0.5", b"nonsense", "10.0.0.5"),
        ("10.0.0.5", b"1.2.3.4, nonsense, 10.0.0.9", "10.0.0.9"),
        ("10.0.0.5", b"198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.5", b'"[2001:db8::1]:4711"', "2001:db8::1"),
        ("::ffff:10.0.0.5", b"198.51.100.7", "198.51.100.7"),
        ("2001:db8:9::1", b"198.51.100.7", "198.51.100.7"),
        ("", b"198.51.100.7", ""),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: bytes, client: str):
    assert Proxies(["10.0.0.0/8", "2001:db8:9::1"]).client_of(peer, forwarded) == client


@given(st.binary(max_size=60))
def test_any_forwarded_header_gives_an_address(forwarded: bytes):
    assert Proxies(["10.0.0.0/8"]).client_of("10.0.0.5", forwarded)


def test_a_wrong_network_is_named():
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        Proxies(["10.0.0.0/99"])


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_lets_the_burst_pass_then_the_rate():
    clock = Clock()
    bucket = TokenBucket(10, 20, clock)
    assert [bucket.take(10), bucket.take(10), bucket.take(1)] == [0, 0, 1]
    clock.now += 1
    assert [bucket.take(10), bucket.take(1)] == [0, 1]
    assert bucket.take(1000) == 2, "a request over the burst waits for a full bucket"
    clock.now += 2
    assert bucket.take(1000) == 0, "and is paid off afterwards"
    clock.now += 98
    assert bucket.take(1) == 1
    clock.now += 1
    assert bucket.take(1) == 0


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 3)), max_size=60))
def test_a_bucket_never_passes_more_than_rate_and_burst(requests: list[tuple[int, float]]):
    clock = Clock()
    bucket = TokenBucket(10, 50, clock)
    passed = 0
    for count, pause_s in requests:
        clock.now += pause_s
        wait_s = bucket.take(count)
        assert 0 <= wait_s <= 300
        passed += 0 if wait_s else count
        assert passed <= 50 + 10 * clock.now + 1e-6


def test_recent_ids_are_remembered_by_source_and_bounded():
    recent = RecentIds(kept=100)
    recent.remember("web", ["a"])
    assert recent.has("web", "a") and not recent.has("app", "a") and not recent.has("web", "b")
    recent.remember("web", [f"id{n}" for n in range(100)])
    assert recent.has("web", "a"), "the generation before is still known"
    recent.remember("web", [f"id{n}" for n in range(100, 200)])
    assert not recent.has("web", "a") and recent.has("web", "id150")


CALL = {"writeKey": "WK", "userId": "u>?~1", "event": "Email Opened", "properties": {"subject": "Hi ÿ"}}


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("spaces", [True, False])
def test_pixel_data_in_every_base64(encode, padded: bool, spaces: bool):
    data = encode(json.dumps(CALL, ensure_ascii=False).encode()).decode()
    data = data if padded else data.rstrip("=")
    text, key = read_pixel({"data": data.replace("+", " ") if spaces else data})
    assert (json.loads(text), key) == ({name: value for name, value in CALL.items() if name != "writeKey"}, "WK")


def test_pixel_parameters_nest():
    query = {"writeKey": "WK", "userId": "u1", "event": "Email Opened", "properties.subject": "Hi"}
    text, key = read_pixel(query | {"context.page.url": "https://a.b/", "context.page": "lost", "verdicts": "1"})
    assert key == "WK"
    assert json.loads(text) == {
        "userId": "u1",
        "event": "Email Opened",
        "properties": {"subject": "Hi"},
        "context": {"page": {"url": "https://a.b/"}},
    }


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("!!!", "pixel_not_base64"),
        ("é", "pixel_not_base64"),
        ("a", "pixel_not_base64"),
        ("e30x", "body_not_json"),
        ("W10", "body_not_object"),
    ],
)
def test_a_bad_pixel_says_why(data: str, code: str):
    with pytest.raises(Refused) as caught:
        read_pixel({"data": data})
    assert caught.value.code == code


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12), max_size=6))
def test_any_pixel_query_is_read_or_refused(query: dict[str, str]):
    try:
        text, _ = read_pixel(query)
    except Refused as refused:
        text = json.dumps({"refused": refused.code}).encode()
    assert isinstance(json.loads(text), dict)


@given(st.text(max_size=40))
def test_any_path_is_routed_or_not_found(path: str):
    route = find_route(path)
    assert route is None or route.methods


@pytest.mark.parametrize(
    ("path", "kind", "prefix"),
    [
        ("/v1/projects/WK/settings", "settings", ""),
        ("/px/v1/projects/WK/settings", "settings", "/px"),
        ("/projects/WK/settings", "settings", ""),
        ("/v1/pixel/track", "pixel", ""),
        ("/x/v1/pixel/page/", "pixel", ""),
        ("/v1/m", "counters", ""),
        ("/readyz", "ready", ""),
    ],
)
def test_routes(path: str, kind: str, prefix: str):
    route = find_route(path)
    assert route is not None and (route.kind, route.prefix) == (kind, prefix)


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/pixel/delete", "/v1/projects/settings", "/trackx"])
def test_other_paths_are_nothing(path: str):
    assert find_route(path) is None
