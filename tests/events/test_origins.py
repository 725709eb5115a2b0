"""Where a visitor comes from and with what: campaigns, referrers, user agents, bots, libraries."""

import re
from urllib.parse import parse_qsl

import crawleruseragents
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trackway.events.campaigns import CLICK_IDS, Arrival, has_campaign, query_of, read_campaign
from trackway.events.libraries import library_of, platform_of
from trackway.events.referrers import classify, host_of
from trackway.events.user_agent import LONGEST, apply_hints, bot_named, read_user_agent

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 "
    "Mobile/15E148 Safari/604.1"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(("address", "campaign", "click_ids"), [
    ("?utm_source=news&utm_medium=email&utm_campaign=spring", {
        "source": "news", "medium": "email", "name": "spring"}, {}),
    ("https://shop.example/a?x=1&utm_term=red+shoes&utm_content=a%26b#utm_source=no", {
        "term": "red shoes", "content": "a&b"}, {}),
    ("?UTM_Source=a&utm_source=b&utm_campaign=", {"source": "a"}, {}),
    ("?utm_id=7&utm_source_platform=x", {"id": "7", "source_platform": "x"}, {}),
    ("?gclid=Cj0K&fbclid=IwAR", {}, {"gclid": "Cj0K", "fbclid": "IwAR"}),
    ("?msclkid=m&ttclid=t&twclid=w&li_fat_id=l&wbraid=b", {}, {
        "msclkid": "m", "ttclid": "t", "twclid": "w", "li_fat_id": "l", "wbraid": "b"}),
    ("?" + "&".join(f"utm_x{number}=1" for number in range(99)), {f"x{number}": "1" for number in range(10)}, {}),
    ("utm_source=no-query", {}, {}),
    ("?UTM_SOURCE=a", {"source": "a"}, {}),
    ("?q=lamp", {}, {}),
])  # fmt: skip
def test_campaigns(address: str, campaign: dict[str, str], click_ids: dict[str, str]):
    assert read_campaign(query_of(address)) == (campaign, click_ids)
    assert has_campaign(address) or not (campaign or click_ids)


_NAMES = st.sampled_from(
    ["utm_source", "UTM_Campaign", "utm%5Fterm", "utm_a+b", "q", "ScCid", "sccid", "%75tm_id", *CLICK_IDS]
)
_VALUES = st.text(alphabet="a%2Bé+&=#?/", max_size=8)
_QUERIES = st.lists(st.builds("{}={}".format, _NAMES, _VALUES) | _VALUES, max_size=14).map("&".join)
_ADDRESSES = (
    st.text(max_size=60)
    | st.text(alphabet="?&=utm_gclid%#;", max_size=60)
    | st.builds("https://shop.example/{}?{}{}".format, _VALUES, _QUERIES, _VALUES)
)


@given(_ADDRESSES)
def test_a_query_is_read_as_any_form_is(address: str):
    found = Arrival({}, {})
    for name, value in parse_qsl(query_of(address)):
        if name.lower().startswith("utm_") and re.fullmatch("[a-zA-Z][a-zA-Z0-9_]{0,29}", name[4:]):
            member = "name" if name[4:].lower() == "campaign" else name[4:].lower()
            if len(found.campaign) < 10:
                found.campaign.setdefault(member, value)
        elif name in CLICK_IDS:
            found.click_ids.setdefault(name, value)
    assert read_campaign(query_of(address)) == found


@given(_ADDRESSES)
def test_an_address_may_have_a_campaign_only_with_a_name_of_one_in_it(address: str):
    names = ["utm_", *CLICK_IDS]
    assert has_campaign(address) == ("?" in address and any(name.lower() in address.lower() for name in names))


@given(st.text(alphabet="wW.ab1É/?#@:[]", max_size=20), st.sampled_from(["https://", "://", "HTTP://", "//", "a:", ""]))
def test_a_host_is_what_stands_before_path_query_and_fragment(rest: str, scheme: str):
    host = re.split("[/?#]", rest)[0].rpartition("@")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    host = host.lower().rstrip(".").removeprefix("www.")
    assume("://" in scheme or "://" not in scheme + rest)
    assert host_of(scheme + rest) == (host if scheme in ("https://", "HTTP://") else "")


@pytest.mark.parametrize(("referrer", "kind", "name"), [
    ("", "direct", ""),
    ("https://www.google.com/", "search", "Google"),
    ("https://www.google.co.uk/search?q=a", "search", "Google"),
    ("http://GOOGLE.de:443", "search", "Google"),
    ("https://search.yahoo.co.jp/", "search", "Yahoo"),
    ("https://yandex.com.tr/", "search", "Yandex"),
    ("https://duckduckgo.com/", "search", "DuckDuckGo"),
    ("android-app://com.google.android.googlequicksearchbox/", "search", "Google"),
    ("https://mail.google.com/mail/u/0/", "email", "Gmail"),
    ("android-app://com.google.android.gm/", "email", "Gmail"),
    ("https://mail.yahoo.com/d/folders/1", "email", "Yahoo Mail"),
    ("https://webmail.firm.example/", "email", "webmail.firm.example"),
    ("https://gemini.google.com/app", "ai", "Gemini"),
    ("https://chatgpt.com/", "ai", "ChatGPT"),
    ("https://l.facebook.com/l.php?u=x", "social", "Facebook"),
    ("https://t.co/abc", "social", "X"),
    ("https://old.reddit.com/r/a", "social", "Reddit"),
    ("https://www.pinterest.at/", "social", "Pinterest"),
    ("https://shop.example/cart", "internal", ""),
    ("https://www.shop.example/", "internal", ""),
    ("https://help.shop.example/", "internal", ""),
    ("https://pay.partner.example/", "internal", ""),
    ("https://blog.example/a", "referral", "blog.example"),
    ("https://google.evil.example/", "referral", "google.evil.example"),
    ("https://notfacebook.com/", "referral", "notfacebook.com"),
    ("https://user:pass@Other.Example:8443/x", "referral", "other.example"),
    ("https://localhost/", "referral", "localhost"),
    ("https://[2001:db8::1]:8080/", "referral", "2001:db8::1"),
])  # fmt: skip
def test_referrers(referrer: str, kind: str, name: str):
    assert classify(host_of(referrer), "shop.example", frozenset({"partner.example"})) == (kind, name)


def test_a_subdomains_parent_is_the_site_itself_but_a_top_level_domain_is_not():
    assert classify("shop.example", "blog.shop.example") == ("internal", "")
    assert classify("com", "shop.com") == ("referral", "com")


@pytest.mark.parametrize("referrer", ["(none)", "google", "://", "https://", "about:blank"])
def test_no_address_has_no_host(referrer: str):
    assert host_of(referrer) == ""


def test_a_page_without_an_address_has_no_inside():
    assert classify("blog.example", "") == ("referral", "blog.example")


def test_user_agents():
    assert read_user_agent(IPHONE) == (
        {"name": "iOS", "version": "19.1"},
        {"name": "Mobile Safari", "version": "19.1"},
        {"manufacturer": "Apple", "model": "iPhone"},
    )
    windows = read_user_agent(CHROME)
    assert windows.os == {"name": "Windows", "version": "10"} and windows.device is None
    assert read_user_agent("") == read_user_agent("x" * 100_000) == (None, None, None)


def test_a_model_that_every_phone_has_is_none():
    assert read_user_agent(ANDROID).device is None


def test_hints_know_what_the_user_agent_hides():
    windows, phone = read_user_agent(CHROME), read_user_agent(ANDROID)
    assert apply_hints(windows, {"platform": "Windows", "platformVersion": "15.0.0"}).os == {
        "name": "Windows",
        "version": "11",
    }
    assert apply_hints(windows, {"platform": "Windows", "platformVersion": "10.0.0"}) == windows
    hinted = apply_hints(phone, {"platform": "Android", "platformVersion": "16.0.0", "model": "Pixel 10"})
    assert hinted.os == {"name": "Android", "version": "16.0.0"} and hinted.device == {"model": "Pixel 10"}
    assert apply_hints(phone, {"platform": 1, "platformVersion": None, "model": ""}) == phone


@pytest.mark.parametrize(("text", "name"), [
    (GOOGLEBOT, "Googlebot"),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot"),
    ("curl/8.5.0", "curl"),
    ("Mozilla/5.0 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", "GPTBot"),
    (CHROME, None),
    (IPHONE, None),
    (ANDROID, None),
    ("", None),
    ("x" * LONGEST + GOOGLEBOT, None),
])  # fmt: skip
def test_bots(text: str, name: str | None):
    assert bot_named(text) == name


BOTS = [re.compile(entry["pattern"]) for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA]
"""Few of which are more than a word, each on its own."""
_UNUSUAL = [bot.pattern for bot in BOTS if re.search(r"[][()|^$*]", bot.pattern)]


@pytest.mark.parametrize("number", range(0, len(BOTS), 25))
def test_the_samples_of_each_bot_are_bots(number: int):
    for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA[number : number + 25]:
        for sample in entry["instances"]:
            assert bot_named(sample), sample


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [CHROME, ANDROID, " ", "sentry", "wget", "Wget", "xcurl", "curl", "Y!J", "Bot", "Googl", "PTST/"]
        )
        | st.sampled_from(BOTS).map(lambda bot: bot.pattern.replace("\\", ""))
        | st.sampled_from(_UNUSUAL).flatmap(lambda pattern: st.from_regex(pattern, fullmatch=True)),
        max_size=3,
    ).map("".join)
)
def test_a_bot_is_what_any_pattern_is_in(text: str):
    assert (bot_named(text) is not None) == any(bot.search(text[:LONGEST]) for bot in BOTS)


def test_libraries():
    assert library_of("analytics-python/2.3.4") == {"name": "analytics-python", "version": "2.3.4"}
    assert library_of("analytics-go/v3.3.0 (linux)") == {"name": "analytics-go", "version": "3.3.0"}
    assert library_of(CHROME) is None and library_of("") is None
    assert platform_of("analytics-ios") == ("mobile", "ios")
    assert platform_of("analytics.js") == ("browser", None)
    assert platform_of("analytics-node") is None
