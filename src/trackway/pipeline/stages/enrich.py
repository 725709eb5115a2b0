"""Add to the context what follows from it: system, browser and device, bots, place, campaign, referrer, library.

What Segment has a name for goes there (`context.os`, `device`, `location`, `campaign`, `referrer`, `library`), as does
`context.browser`; labels of our own go into `context.trackway` (`bot`, `clickIds`). What the client sent always stays.
"""

import copy
from functools import lru_cache
from typing import Any, NamedTuple, cast

from trackway.events.campaigns import has_campaign, query_of, read_campaign
from trackway.events.libraries import library_of, platform_of
from trackway.events.referrers import classify, host_of
from trackway.events.user_agent import Agent, apply_hints, bot_named, read_user_agent
from trackway.pipeline.draft import Draft
from trackway.pipeline.geo import GeoFile
from trackway.workspace.model import Workspace

_KEPT = 20_000
"""User agents, and pairs of referrer's host and site, remembered: few make up nearly all traffic."""


class Parts(NamedTuple):
    """Which enrichments a source's events get."""

    user_agent: bool = True
    bots: bool = True
    geo: bool = True
    campaign: bool = True
    referrer: bool = True
    library: bool = True


_EVERYTHING = Parts()


Clues = tuple[str | None, tuple[str, str] | None]
"""What a page says of how its visitor came: a query with a campaign or click ids, and the hosts of the page before and
of the page itself, each `""` where there is none. None where it says nothing. Nothing else of a page matters here."""


def clues_of(referrer: Any, search: Any, url: Any) -> Clues:
    """Return the clues in these members of a page, None for those that it has not."""
    return _query_of(search, url), _hosts_of(referrer, url)


class Enrich:
    """The stage of all enrichments."""

    name = "enrich"

    def __init__(
        self,
        parts: dict[str, Parts] | None = None,
        geo: GeoFile | None = None,
        own_domains: frozenset[str] = frozenset(),
    ) -> None:
        """`parts` is by source (default: all); without a geo file no places are added."""
        self._parts = parts or {}
        self.geo = geo
        self._own_domains = own_domains
        self._agent_of = lru_cache(_KEPT)(_read_agent)
        self._referrer_of = lru_cache(_KEPT)(self._classify)

    @classmethod
    def from_workspace(cls, workspace: Workspace) -> "Enrich":
        """Return the stage as `workspace` wants it.

        Raises:
            TrackwayError: the geo file cannot be read.
        """
        settings = workspace.pipeline
        parts = {
            name: Parts(**{part: part not in (*settings.skip, *source.skip) for part in Parts._fields})
            for name, source in workspace.sources.items()
        }
        geo = GeoFile(workspace.folder / settings.geo_file) if settings.geo_file else None
        return cls(parts, geo, frozenset(host.lower().removeprefix("www.") for host in settings.own_domains))

    def without_places(self) -> "Enrich":
        """Return a stage that adds all but places."""
        twin = copy.copy(self)
        twin.geo = None
        return twin

    def wants_place(self, source: str, context: dict[str, Any]) -> bool:
        """Tell whether a place is added to a context of a source, if its ip tells one."""
        return self.geo is not None and self._parts.get(source, _EVERYTHING).geo and "location" not in context

    def add_location(self, context: dict[str, Any]) -> None:
        """Add the place that the ip of a context tells, if it tells one."""
        ip = context.get("ip")
        place = self.geo.locate(ip) if self.geo is not None and type(ip) is str and ip else None
        if place is not None:
            context["location"] = place.copy()

    def follow(self, source: str, clues: Clues) -> dict[str, Any]:
        """Return the members of a context that follow from a page, if the client sent none of them itself."""
        on = self._parts.get(source, _EVERYTHING)
        query, hosts = clues
        added: dict[str, Any] = {}
        if on.campaign and query is not None:
            campaign, click_ids = read_campaign(query)
            if campaign:
                added["campaign"] = campaign
            if click_ids:
                added["trackway"] = {"clickIds": click_ids}
        if on.referrer and hosts is not None:
            added["referrer"] = self._referrer_of(hosts).copy()
        return added

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change `drafts` in place."""
        for draft in drafts:
            on = self._parts.get(draft.raw.source, _EVERYTHING)
            context = draft.event["context"]
            agent = context.get("userAgent")
            if type(agent) is str and agent:
                found, bot = self._agent_of(agent)
                if on.user_agent:
                    _add_agent(context, found)
                if bot is not None and on.bots:
                    draft.note("bot", bot)
            if self.geo is not None and on.geo and "location" not in context:
                self.add_location(context)
            page = context.get("page")
            if type(page) is dict:
                self._add_page(draft, context, cast("dict[str, Any]", page), on)
            if on.library and ("device" in context or "library" not in context):
                _add_library(context, draft.raw.user_agent)
        return drafts

    def _add_page(self, draft: Draft, context: dict[str, Any], page: dict[str, Any], on: Parts) -> None:
        search, url = page.get("search"), page.get("url")
        if on.campaign and "campaign" not in context and (query := _query_of(search, url)) is not None:
            campaign, click_ids = read_campaign(query)
            if campaign:
                context["campaign"] = campaign
            if click_ids:
                draft.note("clickIds", click_ids)
        if on.referrer and "referrer" not in context and (hosts := _hosts_of(page.get("referrer"), url)) is not None:
            context["referrer"] = self._referrer_of(hosts).copy()

    def _classify(self, hosts: tuple[str, str]) -> dict[str, str]:
        found = classify(*hosts, self._own_domains)
        return {"type": found.kind, "name": found.name} if found.name else {"type": found.kind}


def _read_agent(text: str) -> tuple[Agent, str | None]:
    """Return what a user agent says, and the bot's name if it is one."""
    return read_user_agent(text), bot_named(text)


def _add_agent(context: dict[str, Any], agent: Agent) -> None:
    hints = context.get("userAgentData")
    if type(hints) is dict and ("platformVersion" in hints or "model" in hints):
        agent = apply_hints(agent, cast("dict[str, Any]", hints))
    system, browser, device = agent
    # Copies: later stages and functions may change them in place.
    if system is not None and "os" not in context:
        context["os"] = system.copy()
    if browser is not None and "browser" not in context:
        context["browser"] = browser.copy()
    if device is not None and "device" not in context:
        context["device"] = device.copy()


def _query_of(search: Any, url: Any) -> str | None:
    """Return the query of a page that brought a campaign or click ids, None if surely none did."""
    # Most have no query, which need not be asked about.
    if type(search) is str and "?" in search and has_campaign(search):
        return query_of(search)
    return query_of(url) if type(url) is str and "?" in url and has_campaign(url) else None


def _hosts_of(referrer: Any, url: Any) -> tuple[str, str] | None:
    """Return the hosts of the page before and of this one, `("", "")` without one before, None if it is unknown."""
    if type(referrer) is not str:
        return None
    if not referrer:
        return "", ""
    before = host_of(referrer)
    return (before, host_of(url) if type(url) is str else "") if before else None


def _add_library(context: dict[str, Any], user_agent: str) -> None:
    library = context.get("library")
    if library is None:
        if user_agent and (found := library_of(user_agent)):
            context["library"] = found
        return
    device = context.get("device")
    if type(device) is dict and type(library) is dict and "type" not in device:
        name = cast("dict[str, Any]", library).get("name")
        platform = platform_of(name) if type(name) is str else None
        if platform is not None and platform.device_type:
            device["type"] = platform.device_type
