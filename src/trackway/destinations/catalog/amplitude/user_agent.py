"""What a user agent tells of its system and device, in the words of Amplitude's own parser.

Source: the names that @amplitude/ua-parser-js gives, from its README and recorded requests, read 2026-11-23.
"""

import re
from functools import lru_cache
from typing import Any

_SYSTEMS = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"Windows Phone|IEMobile", "Windows Phone"),
        (r"Windows", "Windows"),
        (r"iPhone|iPad|iPod|CFNetwork/.+Darwin|\biOS\b", "iOS"),
        (r"Macintosh|Mac OS X|Mac_PowerPC", "Mac OS"),
        (r"Tizen", "Tizen"),
        (r"Android", "Android"),
        (r"CrOS", "Chromium OS"),
        (r"Ubuntu", "Ubuntu"),
        (r"Fedora", "Fedora"),
        (r"Debian", "Debian"),
        (r"Linux", "Linux"),
        (r"FreeBSD", "FreeBSD"),
    )
]
# In this order: most browsers also name those whose pages they want to get.
_BROWSERS = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"(?:OPR|OPiOS|OPT)/(\d+)", "Opera"),
        (r"Opera.+Version/(\d+)", "Opera"),
        (r"Edg(?:e|A|iOS)?/(\d+)", "Edge"),
        (r"IEMobile[/ ](\d+)", "IEMobile"),
        (r"SamsungBrowser/(\d+)", "Samsung Browser"),
        (r"UC? ?Browser/(\d+)", "UCBrowser"),
        (r"YaBrowser/(\d+)", "Yandex"),
        (r"Vivaldi/(\d+)", "Vivaldi"),
        (r"MiuiBrowser/(\d+)", "MIUI Browser"),
        (r"FB(?:AV|SV)/(\d+)", "Facebook"),
        (r"Instagram (\d+)", "Instagram"),
        (r"GSA/(\d+)", "GSA"),
        (r"CriOS/(\d+)", "Chrome"),
        (r"FxiOS/(\d+)", "Firefox"),
        (r"; wv\).+Chrome/(\d+)", "Chrome WebView"),
        (r"HeadlessChrome/(\d+)", "Chrome Headless"),
        (r"Chrome/(\d+)", "Chrome"),
        (r"Android.+Version/(\d+)", "Android Browser"),
        (r"Version/(\d+)[\d.]* Mobile/\S+ Safari", "Mobile Safari"),
        (r"Version/(\d+)[\d.]* .*Safari", "Safari"),
        (r"Firefox/(\d+)", "Firefox"),
        (r"MSIE (\d+)", "IE"),
        (r"Trident/.+rv:(\d+)", "IE"),
    )
]
_MODEL = re.compile(r"Android[^;)]*; (?:[a-z]{2}[-_][A-Za-z]{2}; )?([^;)]+?)(?: Build/|[;)])")
_MAKERS = [
    (re.compile(pattern, re.IGNORECASE), maker)
    for pattern, maker in (
        (r"(?:samsung[- ])?(?:SM-|GT-|SCH-|SGH-|SPH-|SHV-|Galaxy)", "Samsung"),
        (r"Pixel", "Google"),
        (r"Huawei|Honor|Nexus 6P", "Huawei"),
        (r"Redmi|POCO|Mi[ -]|M2\d{3}|2\d{3,}[0-9A-Z]{3,}", "Xiaomi"),
        (r"ONEPLUS|LE2\d{3}|IN20\d\d|KB200\d", "OnePlus"),
        (r"CPH\d{4}|OPPO", "OPPO"),
        (r"vivo|V\d{4}", "Vivo"),
        (r"RMX\d{4}|realme", "Realme"),
        (r"moto|XT\d{4}|Nexus 6", "Motorola"),
        (r"LM-|LG|Nexus [45]", "LG"),
        (r"ASUS|Nexus 7", "ASUS"),
        (r"Nokia|TA-1\d{3}", "Nokia"),
        (r"Lenovo|TB-", "Lenovo"),
        (r"HTC|Nexus 9", "HTC"),
        (r"XQ-|SO-\d\d|Xperia|[FGHED]\d{4}$", "Sony"),
        (r"KF[A-Z]{2,}", "Amazon"),
    )
]
_TABLET = re.compile(r"SM-[TPX]\d|GT-P|Pixel C|Pixel Tablet|Nexus (?:7|9|10)\b|TB-|KF[A-Z]{2,}|MatePad|MediaPad|Pad\b")


@lru_cache(maxsize=10_000)  # A site sees some thousands of them, again and again.
def _parse(user_agent: str) -> tuple[tuple[str, Any], ...]:
    """Return what is found, as (key, value) pairs in the order in which Amplitude's parser gives them."""
    system = next((name for pattern, name in _SYSTEMS if pattern.search(user_agent)), None)
    browser, major = _browser(user_agent)
    maker, model, kind = _device(user_agent, system)
    found = (system or browser, major, maker, model or system, kind)
    names = ("os_name", "os_version", "device_manufacturer", "device_model", "device_type")
    return tuple(zip(names, found, strict=True))


def _browser(user_agent: str) -> tuple[str | None, str | None]:
    for pattern, name in _BROWSERS:
        if found := pattern.search(user_agent):
            return name, found[1]
    return None, None


def _device(user_agent: str, system: str | None) -> tuple[str | None, str | None, str | None]:
    """Return maker, model and type."""
    for model, kind in (("iPad", "tablet"), ("iPod", "mobile"), ("iPhone", "mobile"), ("Macintosh", None)):
        if model in user_agent:
            return "Apple", model, kind
    found = _MODEL.search(user_agent) if system == "Android" else None
    if found is None:
        return None, None, None
    model = found[1].strip()
    maker = next((maker for pattern, maker in _MAKERS if pattern.match(model)), None)
    # A phone's browser says Mobile, a tablet's does not; an app's own requests say neither.
    tablet = _TABLET.search(model) or (maker is None and "Safari" in user_agent and "Mobile" not in user_agent)
    return maker, model, "tablet" if tablet else "mobile"


def parse(user_agent: str, data: dict[str, Any] | None) -> dict[str, Any]:
    """Return Amplitude's members for system and device; `data` is the browser's own word (client hints).

    All five are there, None where nothing is known: where an event knows better, its values keep this order.
    """
    made = dict(_parse(user_agent))
    hints = data or {}
    made["os_version"] = hints.get("platformVersion") or made["os_version"]
    made["device_model"] = hints.get("model") or made["device_model"]
    return made
