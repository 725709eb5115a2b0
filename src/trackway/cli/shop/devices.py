"""What visitors hold in their hands: browsers and phones, as their libraries describe them in `context`."""

from random import Random
from typing import Any, NamedTuple

from msgspec import Struct

from trackway.cli.shop.people import Place

BROWSER_LIBRARY = {"name": "analytics.js", "version": "next-1.84.3"}
SERVER_LIBRARY = {"name": "analytics-python", "version": "2.4.0"}
APP_VERSION, APP_BUILD = "4.12.0", "4120"
OLD_VERSION, OLD_BUILD = "4.9.1", "4091"
_SKEWED = 0.04
_SKEWS_H = (-7, -3, -1, 1, 2, 9)


class Browser(Struct, frozen=True):
    """A kind of browser and its screen."""

    user_agent: str
    screen: dict[str, int]
    data: dict[str, Any] | None
    """`context.userAgentData`, of browsers that have client hints."""


class Phone(NamedTuple):
    """A kind of phone."""

    platform: str
    """`ios` or `android`."""
    manufacturer: str
    model: str
    name: str
    os: str
    os_version: str
    width: int
    height: int
    density: int


def _chromium(platform: str, agent_platform: str, *, mobile: bool, width: int, height: int) -> Browser:
    tail = "Chrome/141.0.0.0 Mobile Safari/537.36" if mobile else "Chrome/141.0.0.0 Safari/537.36"
    brands = [{"brand": "Chromium", "version": "141"}, {"brand": "Google Chrome", "version": "141"}]
    return Browser(
        f"Mozilla/5.0 ({agent_platform}) AppleWebKit/537.36 (KHTML, like Gecko) {tail}",
        {"width": width, "height": height, "density": 2},
        {"brands": brands, "mobile": mobile, "platform": platform},
    )


BROWSERS = (
    _chromium("Windows", "Windows NT 10.0; Win64; x64", mobile=False, width=1920, height=1080),
    _chromium("Android", "Linux; Android 10; K", mobile=True, width=412, height=915),
    Browser(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.1 Mobile/15E148 Safari/604.1",
        {"width": 393, "height": 852, "density": 3},
        None,
    ),
    _chromium("macOS", "Macintosh; Intel Mac OS X 10_15_7", mobile=False, width=1512, height=982),
    Browser(
        "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
        {"width": 2560, "height": 1440, "density": 1},
        None,
    ),
)
PHONES = (
    Phone("ios", "Apple", "iPhone16,1", "iPhone", "iOS", "18.1", 1179, 2556, 3),
    Phone("android", "samsung", "SM-S921B", "e1s", "Android", "15", 1080, 2340, 3),
    Phone("android", "Google", "Pixel 9", "tokay", "Android", "16", 1080, 2424, 3),
    Phone("ios", "Apple", "iPhone14,5", "iPhone", "iOS", "17.6", 1170, 2532, 3),
)


class Device(Struct):
    """One visitor's own browser or phone."""

    context: dict[str, Any]
    """What the library puts into each call's context; not to be changed."""
    user_agent: str
    """Of the HTTP requests."""
    library: str
    """Which client it is: `browser`, `kotlin` or `swift`."""
    skew_ms: int
    """How far its clock is wrong."""


def new_browser(dice: Random, place: Place) -> Device:
    """Return a browser of somebody at `place`."""
    browser = dice.choice(BROWSERS)
    context: dict[str, Any] = {
        "userAgent": browser.user_agent,
        "locale": place.locale,
        "timezone": place.timezone,
        "screen": browser.screen,
        "library": BROWSER_LIBRARY,
    }
    if browser.data:
        context["userAgentData"] = browser.data
    return Device(context, browser.user_agent, "browser", _skew_ms(dice))


def new_phone(dice: Random, ids: Random, place: Place, *, old_app: bool) -> Device:
    """Return a phone of somebody at `place`, with the shop's app on it."""
    phone = dice.choice(PHONES)
    ios = phone.platform == "ios"
    version, build = (OLD_VERSION, OLD_BUILD) if old_app else (APP_VERSION, APP_BUILD)
    wifi = dice.random() < 0.6
    device_id = new_uuid(ids, upper=ios)
    context: dict[str, Any] = {
        "app": {"name": "Fjord & Fern", "version": version, "build": build, "namespace": "example.fjordfern.shop"},
        "device": {
            "id": device_id,
            "manufacturer": phone.manufacturer,
            "model": phone.model,
            "name": phone.name,
            "type": phone.platform,
        },
        "os": {"name": phone.os, "version": phone.os_version},
        "network": {"bluetooth": False, "cellular": not wifi, "wifi": wifi},
        "screen": {"width": phone.width, "height": phone.height, "density": phone.density},
        "locale": place.locale,
        "timezone": place.timezone,
        "instanceId": new_uuid(ids, upper=ios),
        "library": {"name": "analytics-swift" if ios else "analytics-kotlin", "version": "1.7.0" if ios else "1.19.0"},
    }
    if not ios:
        agent = f"Dalvik/2.1.0 (Linux; U; Android {phone.os_version}; {phone.model})"
        context["userAgent"] = agent
        return Device(context, agent, "kotlin", _skew_ms(dice))
    return Device(context, f"FjordFern/{build} CFNetwork/1568 Darwin/24.1.0", "swift", _skew_ms(dice))


def new_uuid(ids: Random, *, upper: bool = False) -> str:
    """Return a UUID of version 4 (RFC 9562, 5.4)."""
    bits = ids.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    text = f"{bits:032x}"
    text = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return text.upper() if upper else text


def _skew_ms(dice: Random) -> int:
    return dice.choice(_SKEWS_H) * 3_600_000 + dice.randrange(120_000) if dice.random() < _SKEWED else 0
