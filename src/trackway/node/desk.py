"""What people do with single destinations from the console: look closely, pause, test, release, send once more."""

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Engine

from trackway.delivery import check as checking
from trackway.delivery import failures
from trackway.delivery.check import Checked
from trackway.delivery.configured import load_destination
from trackway.delivery.failures import Failure, Group, Released, Wanted
from trackway.delivery.redact import Redactor
from trackway.delivery.replay import orders
from trackway.delivery.replay.orders import Order
from trackway.delivery.service import DeliveryService, UnknownDestination
from trackway.destinations import registry
from trackway.destinations.kit import expressions as ex
from trackway.destinations.kit.actions import Action, Field
from trackway.destinations.kit.actions import Mapping as MappingOfEvents
from trackway.destinations.preview import Preview, Previewer
from trackway.destinations.reference import reference, source_told
from trackway.destinations.registry import Destination
from trackway.errors import TrackwayError
from trackway.events.records import EVENTS, Place
from trackway.log.contract import EventLog
from trackway.node.delivering.spread import SpreadDelivery
from trackway.workspace.model import Destination as Settings
from trackway.workspace.model import Workspace

HIDDEN = "***"
MOST_LETTERS = 500
_PLAIN_HEADERS = frozenset({"accept", "content-encoding", "content-type", "idempotency-key", "user-agent"})


class SettingShown(Struct, kw_only=True):
    """One of a destination's own settings."""

    name: str
    kind: str
    about: str
    default: str
    """As text; `""`: it is needed."""
    value: Any
    """What trackway.yaml says, without secrets; null when it says nothing."""
    given: bool


class FieldShown(Struct, kw_only=True):
    """Where a field of a request comes from."""

    field: str
    source: str
    """`""`: it is left out."""
    usual: str
    """Where it comes from unless a mapping says otherwise."""
    kind: str
    required: bool
    about: str
    changed: bool


class MappingShown(Struct, kw_only=True):
    """One mapping that is in force."""

    name: str
    action: str
    trigger: str
    fields: list[FieldShown]


class Detail(Struct, kw_only=True):
    """All about one destination that does not change from one event to the next."""

    key: str
    type: str
    name: str
    """In the events' `integrations`."""
    summary: str
    facts: dict[str, str]
    enabled: bool
    sources: list[str] | None
    trigger: str
    functions: list[str]
    consent: list[str]
    filters: list[Any]
    settings: list[SettingShown]
    mappings: list[MappingShown]
    first_match: bool
    limits: dict[str, float]
    can_check: bool


class Desk:
    """Answers the console about destinations. Methods that are not `async` may block; any thread may use them."""

    def __init__(
        self, workspace: Workspace, clean: EventLog, engine: Engine, delivery: DeliveryService | SpreadDelivery
    ) -> None:
        self.workspace = workspace
        """The settings in force; they change while the product runs."""
        self._clean, self._engine, self._delivery = clean, engine, delivery

    def detail(self, key: str) -> Detail:
        """Return all about a destination, without its secrets.

        Raises:
            TrackwayError: there is no such destination, or its settings are wrong.
        """
        settings = self._settings(key)
        destination, _ = load_destination(self.workspace, key)
        told = reference(settings.type, self.workspace.folder)
        hide = Redactor(destination.secrets()).text
        limits = destination.limits
        return Detail(
            key=key,
            type=settings.type,
            name=destination.name,
            summary=told.summary,
            facts=told.facts,
            enabled=settings.enabled,
            sources=settings.sources,
            trigger=settings.trigger,
            functions=settings.functions,
            consent=settings.consent,
            filters=[msgspec.to_builtins(one, enc_hook=str) for one in settings.filters],
            settings=[
                SettingShown(
                    name=one.name,
                    kind=one.kind,
                    about=one.about,
                    default=one.default,
                    value=_hidden(settings.settings.get(one.name), hide),
                    given=one.name in settings.settings,
                )
                for one in told.settings
            ],
            mappings=_mappings(destination, registry.find(settings.type, self.workspace.folder)),
            first_match=told.first_match,
            limits={
                "events": limits.events,
                "bytes": limits.bytes,
                "wait_s": limits.wait_s,
                "concurrency": limits.concurrency,
            },
            can_check=destination.check() is not None,
        )

    def groups(self, key: str) -> list[Group]:
        """Return the dead letters of a destination by reason, each with its newest one."""
        return failures.group(self._engine, Wanted(destination=self._known(key)))

    def letters(self, key: str, reason: str, limit: int) -> list[Failure]:
        """Return the newest dead letters of a destination with a reason, or with any."""
        wanted = Wanted(destination=self._known(key), reason=reason)
        return failures.find(self._engine, wanted, limit=min(limit, MOST_LETTERS))

    def release(
        self, key: str, *, reason: str = "", message_id: str = "", advance: Callable[[int], None] | None = None
    ) -> Released:
        """Have dead letters tried again: those with a reason, one event's, or all."""
        wanted = Wanted(destination=self._known(key), reason=reason, message_id=message_id)
        now_ms = time.time_ns() // 1_000_000
        return failures.release(self._engine, self._clean, wanted, now_ms=now_ms, advance=advance)

    async def pause(self, key: str) -> None:
        """Send nothing more to a destination until `resume`."""
        await self._delivery.pause(key)

    async def resume(self, key: str) -> None:
        """Go on sending to a destination."""
        await self._delivery.resume(key)

    async def check(self, key: str) -> Checked:
        """Ask a destination whether it knows the credentials."""
        return await checking.check(self._known(key), self.workspace)

    def resend(self, key: str, place: Place) -> int:
        """Order that one event be sent to a destination once more; return the replay's number.

        Raises:
            TrackwayError: there is no such destination, or the log no longer has the event.
        """
        self._known(key)
        if not any(self._clean.read(EVENTS, place.partition, place.offset)):
            raise TrackwayError("the log no longer has this event, so it cannot be sent again")
        spans = {place.partition: (place.offset, place.offset + 1)}
        return orders.give(self._engine, key, Order(spans=spans, again=True))

    def preview(self, key: str, event: Mapping[str, Any]) -> Preview:
        """Return what today's settings would send of an event, without secrets."""
        destination, _ = load_destination(self.workspace, key)
        shown = Previewer(destination).show(event.get("messageId"), event)
        hide = Redactor(destination.secrets()).text
        shown.requests = [_request_hidden(request, hide) for request in shown.requests]
        return shown

    def case(self, key: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return a test case of an event: what a file in `<type>.cases/` holds. Secrets are replaced by made-up ones.

        Raises:
            TrackwayError: the destination cannot work with made-up secrets.
        """
        settings = self._settings(key)
        real, _ = load_destination(self.workspace, key)
        stand_ins = {secret: f"made-up-secret-{number}" for number, secret in enumerate(real.secrets(), 1)}
        invented = _replaced(settings.settings, stand_ins)
        where = f"destinations.{key}.settings"
        destination = registry.load(settings.type, invented, where=where, folder=self.workspace.folder)
        shown = Previewer(destination).show(event.get("messageId"), event)
        requests = [_as_case(request) for request in shown.requests]
        made: dict[str, Any] = {
            "about": f"{event.get('event') or event.get('type')}, as it came to {key}",
            "settings": invented,
            "events": [event],
        }
        if len(requests) == 1:
            made["request"] = requests[0]
        elif requests:
            made["requests"] = requests
        if reason := shown.skipped or shown.rejected:
            made["skipped"] = {str(event.get("messageId")): reason}
        return made

    def _known(self, key: str) -> str:
        self._settings(key)
        return key

    def _settings(self, key: str) -> Settings:
        if (settings := self.workspace.destinations.get(key)) is None:
            raise UnknownDestination(f"there is no destination {key} in trackway.yaml")
        return settings


def _mappings(destination: Destination, module: Any) -> list[MappingShown]:
    actions: Mapping[str, Action] = getattr(module, "ACTIONS", {})
    shown: list[MappingShown] = []
    for name, mapping in destination.mappings.items():
        action = actions.get(mapping.action)
        fields = [_field(name, one, mapping) for name, one in (action.fields.items() if action else ())]
        shown.append(MappingShown(name=name, action=mapping.action, trigger=mapping.trigger, fields=fields))
    return shown


def _field(name: str, field: Field, mapping: MappingOfEvents) -> FieldShown:
    usual = source_told(field.default)
    source = source_told(ex.read(mapping.fields[name])) if name in mapping.fields else usual
    return FieldShown(
        field=name,
        source=source,
        usual=usual,
        kind=field.kind,
        required=field.required,
        about=field.about,
        changed=source != usual,
    )


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {key: _hidden(one, hide) for key, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_hidden(one, hide) for one in cast("list[Any]", value)]
    return value


def _request_hidden(request: Mapping[str, Any], hide: Callable[[str], str]) -> dict[str, Any]:
    headers = {name: value if name.lower() in _PLAIN_HEADERS else HIDDEN for name, value in request["headers"].items()}
    return cast("dict[str, Any]", _hidden({**request, "headers": headers}, hide))


def _replaced(value: Any, stand_ins: Mapping[str, str]) -> Any:
    def put(text: str) -> str:
        for secret, stand_in in stand_ins.items():
            text = text.replace(secret, stand_in)
        return text

    return _hidden(value, put)


def _as_case(request: Mapping[str, Any]) -> dict[str, Any]:
    body = request["body"]
    kind = "body" if isinstance(body, str) or body is None else "json"
    return {"method": request["method"], "url": request["url"], "headers": request["headers"], kind: body or ""}
