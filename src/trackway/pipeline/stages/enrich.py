"""Add to the context what follows from it: system, browser and device, bots, place, campaign, referrer, library.

What Segment has a name for goes there (`context.os`, `device`, `location`, `campaign`, `referrer`, `library`), as does
`context.browser`; labels of our own go into `context.trackway` (`bot`, `clickIds`). What the client sent always stays.
"""

import copy
from functools import lru_cache
from typing import Any, NamedTuple, cast

from trackway.events.campaigns import Arrival, has_campaign, read_campaign
from trackway.events.libraries import library_of, platform_of
from trackway.events.referrers import classify, host_of
from trackway.events.user_agent import Agent, apply_hints, bot_named, read_user_agent
from trackway.pipeline.draft import Draft
from trackway.pipeline.geo import GeoFile
from trackway.workspace.model import Workspace

_KEPT = 20_000
"""User agents, and pairs of referrer and site, remembered: few make up nearly all traffic."""


class Parts(NamedTuple):
    """Which enrichments a source's events get."""

    user_agent: bool = True
    bots: bool = True
    geo: bool = True
    campaign: bool = True
    referrer: bool = True
    library: bool = True


_EVERYTHING = Parts()


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

    def of_page(self, source: str, page: dict[str, Any]) -> dict[str, Any]:
        """Return the members of a context that follow from `page`, if the client sent none of them itself."""
        on = self._parts.get(source, _EVERYTHING)
        added: dict[str, Any] = {}
        if on.campaign and (arrival := _arrival(page)) is not None:
            if arrival.campaign:
                added["campaign"] = arrival.campaign
            if arrival.click_ids:
                added["trackway"] = {"clickIds": arrival.click_ids}
        if on.referrer and (found := self._referrer(page)) is not None:
            added["referrer"] = found
        return added

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change `drafts` in place."""
        geo = self.geo
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
            if geo is not None and on.geo and "location" not in context:
                _add_location(context, geo)
            page = context.get("page")
            if type(page) is dict:
                self._add_page(draft, context, cast("dict[str, Any]", page), on)
            if on.library and ("device" in context or "library" not in context):
                _add_library(context, draft.raw.user_agent)
        return drafts

    def _add_page(self, draft: Draft, context: dict[str, Any], page: dict[str, Any], on: Parts) -> None:
        if on.campaign and "campaign" not in context and (arrival := _arrival(page)) is not None:
            if arrival.campaign:
                context["campaign"] = arrival.campaign
            if arrival.click_ids:
                draft.note("clickIds", arrival.click_ids)
        if on.referrer and "referrer" not in context and (found := self._referrer(page)) is not None:
            context["referrer"] = found

    def _referrer(self, page: dict[str, Any]) -> dict[str, str] | None:
        before, url = page.get("referrer"), page.get("url")
        if type(before) is not str:
            return None
        found = self._referrer_of(before, host_of(url) if before and type(url) is str else "")
        return None if found is None else found.copy()

    def _classify(self, referrer: str, host: str) -> dict[str, str] | None:
        found = classify(referrer, host, self._own_domains)
        if found is None:
            return None
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


def _add_location(context: dict[str, Any], geo: GeoFile) -> None:
    ip = context.get("ip")
    place = geo.locate(ip) if type(ip) is str and ip else None
    if place is not None:
        context["location"] = place.copy()


def _arrival(page: dict[str, Any]) -> Arrival | None:
    """Return the campaign and the click ids that brought a visitor to `page`, None if surely none did."""
    for address in (page.get("search"), page.get("url")):
        if type(address) is str and has_campaign(address):
            return read_campaign(address)
    return None


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
