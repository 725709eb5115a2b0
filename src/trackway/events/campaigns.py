"""The campaign that brought a visitor, and the click ids of ad networks, out of a page's query."""

import re
from typing import NamedTuple
from urllib.parse import unquote_plus

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
    if not ("id" in address or "utm_" in address or "epik" in address):  # one of them is in each mark
        return False
    return any(mark in address for mark in _MARKS)


def query_of(address: str) -> str:
    """Return what `read_campaign` reads of an address, or of a query that begins with `?`."""
    return address.partition("?")[2].partition("#")[0][:LONGEST]


def read_campaign(query: str) -> Arrival:
    """Return the campaign and the click ids in the query of an address, without its `?`.

    The first value of a name counts; one without a value is none.
    """
    campaign: dict[str, str] = {}
    click_ids: dict[str, str] = {}
    # As `urllib.parse.parse_qsl` does, which decodes the values of all names.
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if not value:
            continue
        if "%" in name or "+" in name:
            name = unquote_plus(name)
        if found := _UTM.fullmatch(name):
            member = found[1].lower()
            if len(campaign) < _MOST:
                campaign.setdefault("name" if member == "campaign" else member, unquote_plus(value))
        elif name in CLICK_IDS:
            click_ids.setdefault(name, unquote_plus(value))
    return Arrival(campaign, click_ids)
