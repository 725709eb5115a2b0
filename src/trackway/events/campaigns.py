"""The campaign that brought a visitor, and the click ids of ad networks, out of a page's query."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

LONGEST = 4096
"""Characters of a query that are looked at."""
_MOST = 10
"""Members of a campaign; more are nobody's campaign."""
CLICK_IDS = {
    "gclid": "Google Ads",
    "gbraid": "Google Ads",
    "wbraid": "Google Ads",
    "dclid": "Google Display & Video 360",
    "fbclid": "Meta",
    "msclkid": "Microsoft Advertising",
    "ttclid": "TikTok",
    "twclid": "X",
    "li_fat_id": "LinkedIn",
    "rdt_cid": "Reddit",
    "ScCid": "Snapchat",
    "epik": "Pinterest",
    "yclid": "Yandex",
    "irclickid": "Impact",
}
"""The parameters that networks put on the address of an ad's target, and the networks."""
_MARKS = ("utm_", *(name.lower() for name in CLICK_IDS))
_UTM = re.compile(r"utm_([a-z][a-z0-9_]{0,29})", re.IGNORECASE)


class Arrival(NamedTuple):
    """What a query says."""

    campaign: dict[str, str]
    """As Segment's browser library fills `context.campaign`: `utm_x` is `x`, `utm_campaign` is `name`."""
    click_ids: dict[str, str]
    """By parameter, such as `gclid`."""


def has_campaign(address: str) -> bool:
    """Tell cheaply whether `read_campaign` may find anything in an address or a query."""
    if "?" not in address:
        return False
    address = address[:LONGEST].lower()
    return any(mark in address for mark in _MARKS)


def read_campaign(address: str) -> Arrival:
    """Return the campaign and the click ids in an address, or in a query that begins with `?`.

    The first value of a name counts.
    """
    query = address.partition("?")[2].partition("#")[0][:LONGEST]
    campaign: dict[str, str] = {}
    click_ids: dict[str, str] = {}
    for name, value in parse_qsl(query):
        if found := _UTM.fullmatch(name):
            member = found[1].lower()
            if len(campaign) < _MOST:
                campaign.setdefault("name" if member == "campaign" else member, value)
        elif name in CLICK_IDS:
            click_ids.setdefault(name, value)
    return Arrival(campaign, click_ids)
