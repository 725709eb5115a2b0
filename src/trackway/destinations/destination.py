"""What a destination's module holds, and the destination that it makes with an operator's settings."""

import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.kit.sending import Kept
from trackway.destinations.secrets import secrets_of
from trackway.errors import TrackwayError

_TOO_LARGE = 413
_SPOILT = frozenset({400, 422})
"""Statuses that say that something in the request is wrong; in one of several events, mostly."""
MOST_DIVIDED = 100
"""How often the events of one request are divided to find the refused ones: else a server that refuses everything would
get two requests for each event, batch after batch."""
_CATALOG = "trackway.destinations.catalog."
Exchange: TypeAlias = Generator[kit.Request, kit.Answer, list[kit.Outcome]]
Answers: TypeAlias = dict[int, tuple[kit.Request, kit.Response]]
"""Which request decided about a row, and its answer; by `id(row)`."""


class Module(Protocol):
    """What the module of a destination holds.

    `limits(settings)` may stand for `LIMITS`, `ACTIONS` and `MAPPINGS` for `row`, `exchange` for `request` and `judge`.
    Without `row` or a table a row is the event as it stands; without `judge` the answer's status decides, and a request
    of several rows that is refused with 400 or 422 is sent in halves.
    """

    NAME: str
    """The name in an event's `integrations`, as Segment's users write it."""
    Settings: type[Struct]
    """What an operator fills in."""
    LIMITS: kit.Limits
    ACTIONS: Mapping[str, kit.Action]
    MAPPINGS: Mapping[str, kit.Mapping]
    FIRST_MATCH: bool
    """An event goes through the first mapping that wants it; default: through all."""
    AS_IT_STANDS: bool
    """The usual `MAPPINGS` send each event unchanged: while nobody changes them, its bytes go out as they came."""
    PAGES_COUNT: bool
    """A 2xx with a web page counts as any 2xx; default: a page is not the vendor's answer, and delivery tries again."""
    limits: Callable[[Any], kit.Limits]
    row: Callable[[Any, kit.Event], kit.Rows]
    request: Callable[[Any, Sequence[kit.Row]], kit.Request]
    rows_together: Callable[[Any, str], int]
    """How many rows of a route go into one request, where that is not `LIMITS.events`."""
    exchange: Callable[[Any, Sequence[kit.Row], kit.Cache], Exchange]
    """Several requests for rows of one route, one after the other: a look-up and a write, a token and a call."""
    check: Callable[[Any], kit.Request | None]
    """A request that changes nothing, whose answer `judge` takes for delivered when the settings are right, or None."""
    delete_user: Callable[[Any, kit.Person, kit.Cache], "kit.Request | kit.Skipped | kit.Deletion"]
    """What has the vendor delete a person: a request (judged by `kit.deleted`), several, or why there is none."""

    def judge(self, response: kit.Response, *, count: int) -> list[kit.Outcome]:
        """Say what became of each of the `count` rows, in request order."""
        ...


class UnreadableAnswer(TrackwayError):
    """The destination's `judge` could not make sense of an answer; delivery tries again."""


_Steps: TypeAlias = Generator[kit.Request, kit.Answer, list[Any]]
"""Of an exchange, or of a deletion."""


class Destination:
    """A destination with its settings: what delivery works with."""

    def __init__(
        self,
        kind: str,
        module: Module,
        settings: Any,
        *,
        name: str = "",
        mappings: Mapping[str, kit.Mapping] | None = None,
    ) -> None:
        self.kind = kind
        self.name = name or module.NAME
        self.settings = settings
        self.limits = module.limits(settings) if hasattr(module, "limits") else module.LIMITS
        if not isinstance(self.limits, kit.Limits):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TrackwayError(f"limits returned {type(self.limits).__name__}, not a kit.Limits")
        self.mappings = mappings if mappings is not None else getattr(module, "MAPPINGS", {})
        self._module = module
        self._mapped: kit.Mapped | None = None
        self._row = self._maker()
        self._judge = getattr(module, "judge", _by_default)
        self._together = getattr(module, "rows_together", None)
        self._exchange = getattr(module, "exchange", None)
        self._cache = kit.Cache()
        self.pages_count: bool = getattr(module, "PAGES_COUNT", False)
        self.trusted = getattr(module, "__name__", "").startswith(_CATALOG)
        """True for those that come with Trackway: tests prove that they change nothing in an event."""
        self.maps = self._row is not None
        """True unless events are sent as they stand."""

    def _maker(self) -> Callable[[kit.Event], kit.Rows] | None:
        if hasattr(self._module, "ACTIONS"):
            if getattr(self._module, "AS_IT_STANDS", False) and self.mappings == self._module.MAPPINGS:
                return None
            first = getattr(self._module, "FIRST_MATCH", False)
            self._mapped = kit.Mapped(self._module.ACTIONS, self.mappings, self.settings, first_match=first)
            return self._mapped.rows
        return partial(self._module.row, self.settings) if hasattr(self._module, "row") else None

    @property
    def shortens(self) -> bool:
        """Whether an outline is all that most events are read for."""
        return self._mapped is not None and self._mapped.shortens

    def rows(self, event: kit.Event) -> Sequence[kit.Row] | kit.Skipped | kit.Rejected:
        """Return what is to be sent of `event`, at least one row, or why nothing is."""
        if self._row is None:
            return (kit.Row(message_id=event.message_id, value=msgspec.Raw(event.body), whole=True),)
        try:
            found = self._row(event)
        except Exception as error:  # noqa: BLE001  a destination may come from anyone; its fault costs this event only
            return kit.Rejected("mapping_failed", place_of(error))
        if isinstance(found, kit.Row):
            return (found,)
        if not self.trusted and not _are_rows(found):
            return kit.Rejected("mapping_failed", f"row returned {type(found).__name__}, not rows")
        return found or kit.Skipped("NO_MATCHING_MAPPING")

    def exchange(self, rows: Sequence[kit.Row], answers: Answers | None = None) -> Exchange:
        """Return what yields the requests that carry `rows` (of one route), takes answers, and returns their outcomes.

        An outcome per row, in order. `answers` is filled as far as is known which of several requests carried a row.

        Rows that share no request are sent one after the other; when one of these requests gets no answer, the rows of
        those after it are to be sent again with it, and the ones before it are not.

        Raises:
            UnreadableAnswer: the destination could not judge an answer.
        """
        if self._exchange is None and rows[0].rejected is None and len(rows) <= self._most(rows[0].route):
            return self._guarded(self._single(rows, answers), len(rows))
        return self._in_parts(rows, answers)

    def lone(self, row: kit.Row) -> kit.Request | None:
        """Return the request of one row that needs no more than one; None: only `exchange` can tell.

        When its answer is one that `took` it, that is all; else `exchange` makes it anew and judges the answer.
        """
        if self._exchange is not None or row.rejected is not None:
            return None
        try:
            request = self._module.request(self.settings, (row,))
        except Exception:  # noqa: BLE001  `exchange` meets it again, and tells of it
            return None
        plain = isinstance(request, kit.Request) and not request.shared  # pyright: ignore[reportUnnecessaryIsInstance]
        return request if plain else None

    def took(self, answer: kit.Response) -> bool:
        """Return whether an answer to a `lone` request says that the row was delivered, and nothing else."""
        if answer.status // 100 != 2 or (not self.pages_count and is_page(answer)):
            return False
        if self._judge is _by_default:
            return True
        try:
            outcomes = self._judge(answer, count=1)
        except Exception:  # noqa: BLE001  as in `lone`
            return False
        return len(outcomes) == 1 and type(outcomes[0]) is kit.Delivered

    def _most(self, route: str) -> int:
        """Return how many rows of a route may share a request: one event may make more."""
        return self._together(self.settings, route) if self._together else self.limits.events

    def _in_parts(self, rows: Sequence[kit.Row], answers: Answers | None) -> Exchange:
        if rows[0].rejected is not None:
            return [row.rejected or kit.Delivered() for row in rows]
        together = self._most(rows[0].route)
        outcomes: list[kit.Outcome] = []
        for first in range(0, len(rows), together):
            part = rows[first : first + together]
            own = self._exchange
            steps = own(self.settings, part, self._cache) if own else self._single(part, answers)
            try:
                outcomes.extend((yield from self._guarded(steps, len(part))))
            except UnreadableAnswer:
                if not outcomes:
                    raise
                outcomes.append(kit.Retry("unreadable_answer"))
            if isinstance(outcomes[-1], kit.Retry) and len(outcomes) < len(rows):
                # In order: what follows waits for what is tried again.
                return outcomes + [outcomes[-1]] * (len(rows) - len(outcomes))
        return outcomes

    def _single(
        self, rows: Sequence[kit.Row], answers: Answers | None, divisions: "_Divisions | None" = None
    ) -> Exchange:
        """Send rows in one request, or in halves where that is refused because of some of them."""
        divisions = divisions or _Divisions()
        request = self._module.request(self.settings, rows)
        response = yield request
        if not isinstance(response, kit.Response):
            return [response] * len(rows)
        if answers is not None and response.status >= 300:
            answers |= {id(row): (request, response) for row in rows}
        try:
            if response.status != _TOO_LARGE or len(rows) == 1:
                return self._judge(response, count=len(rows))
        except kit.Divide:
            if len(rows) == 1:
                return kit.by_status(response, count=1)
            if divisions.left == 0:
                return [_undivided(response, len(rows))] * len(rows)
            divisions.left -= 1
        except kit.Apart as told:
            return (yield from self._without(rows, told.outcomes, answers, divisions))
        half = len(rows) // 2
        outcomes = yield from self._single(rows[:half], answers, divisions)
        if isinstance(outcomes[-1], kit.Retry):
            # In order, as in `_in_parts`.
            return outcomes + [outcomes[-1]] * (len(rows) - half)
        return outcomes + (yield from self._single(rows[half:], answers, divisions))

    def _without(
        self,
        rows: Sequence[kit.Row],
        apart: Mapping[int, kit.Outcome],
        answers: Answers | None,
        divisions: "_Divisions",
    ) -> Exchange:
        """Send the rows that do not stand apart, and return the outcomes of all."""
        places = [place for place in range(len(rows)) if place not in apart]
        if len(places) == len(rows):
            raise UnreadableAnswer("it names rows that were not sent")
        left = [rows[place] for place in places]
        others = (yield from self._single(left, answers, divisions)) if left else []
        found = dict(apart) | dict(zip(places, others, strict=True))
        return [found[place] for place in range(len(rows))]

    def _guarded(self, steps: _Steps, count: int) -> _Steps:
        """Carry out one exchange of the module's; its faults cost the events of this request only."""
        try:
            request = next(steps)
        except StopIteration as done:
            return self._counted(done.value, count)
        except Exception as error:  # noqa: BLE001  as in `rows`
            return [kit.Rejected("request_failed", place_of(error))] * count
        while True:
            if not isinstance(request, kit.Request):  # pyright: ignore[reportUnnecessaryIsInstance]
                return [kit.Rejected("request_failed", f"it made {type(request).__name__}, not a kit.Request")] * count
            answer = yield request
            if not self.pages_count and isinstance(answer, kit.Response) and is_page(answer):
                answer = kit.Retry("unreadable_answer")
            try:
                request = steps.send(answer)
            except StopIteration as done:
                return self._counted(done.value, count)
            except Exception as error:
                raise UnreadableAnswer(type(error).__name__) from error

    @staticmethod
    def _counted(outcomes: list[Any], count: int) -> list[Any]:
        if len(outcomes) != count:
            raise UnreadableAnswer(f"{len(outcomes)} outcomes for {count} rows")
        return outcomes

    def check(self) -> kit.Request | None:
        """Return a request that is answered 2xx when the credentials are right, or None if there is no such request."""
        return self._module.check(self.settings) if hasattr(self._module, "check") else None

    def checked(self, answer: kit.Response) -> kit.Outcome:
        """Return what an answer to `check` says of the credentials: `Delivered` when they are right."""
        if is_page(answer) and not self.pages_count:
            return kit.Rejected("unreadable_answer", "a web page: something in between speaks, such as a proxy")
        try:
            return self._judge(answer, count=1)[0]
        except Exception:  # noqa: BLE001  `judge` may know the answers to events only
            return kit.by_status(answer, count=1)[0]

    @property
    def deletes_users(self) -> bool:
        """Whether the vendor has a way to delete a person that we know."""
        return hasattr(self._module, "delete_user")

    def deletion(self, person: kit.Person) -> kit.Deletion:
        """Yield the requests that have the vendor delete a person, take their answers, and return what came of it.

        `Skipped` says why nothing could be asked: there is no such request, or something for it is missing.

        Raises:
            UnreadableAnswer: the destination could not judge an answer.
        """
        if not self.deletes_users:
            return kit.Skipped("NOT_SUPPORTED")
        return (yield from self._guarded(self._deleting(person), 1))[0]

    def _deleting(self, person: kit.Person) -> _Steps:
        found = self._module.delete_user(self.settings, person, self._cache)
        if isinstance(found, kit.Request):
            found = kit.each_deleted([found])
        return [found if isinstance(found, kit.Skipped) else (yield from found)]

    @property
    def kept(self) -> Kept:
        """What vendors handed out that is to be kept."""
        return self._cache.kept

    @kept.setter
    def kept(self, kept: Kept) -> None:
        self._cache.kept = kept

    def secrets(self) -> list[str]:
        """Return all secrets among the settings, also those in the query of a URL; they are not to be shown."""
        return sorted(set(secrets_of(self.settings)), key=len, reverse=True)


def _are_rows(found: Any) -> bool:
    """Say whether a module's `row` returned what it may."""
    if found is None or isinstance(found, kit.Skipped | kit.Rejected):
        return True
    return isinstance(found, list | tuple) and all(isinstance(one, kit.Row) for one in cast("Sequence[Any]", found))


def is_page(answer: kit.Response) -> bool:
    """Say whether a 2xx answer is a web page: somebody in between spoke, such as a proxy with its form to sign in."""
    return answer.status // 100 == 2 and answer.body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))


class _Divisions:
    """How often the rows of a request may still be divided."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_DIVIDED


def _by_default(response: kit.Response, *, count: int) -> list[kit.Outcome]:
    """Judge by the status alone.

    Raises:
        Divide: something in a request of several rows is wrong, and a status cannot say in which.
    """
    if count > 1 and response.status in _SPOILT:
        raise kit.Divide
    return kit.by_status(response, count=count)


def _undivided(response: kit.Response, count: int) -> kit.Outcome:
    told = response.body[:300].decode("utf-8", "replace")
    many = f"one of {count} events or more, and {MOST_DIVIDED} divisions of their request did not tell which"
    return kit.Rejected(str(response.status), f"{many}: {told}")


def place_of(error: Exception) -> str:
    """Return what broke and where, without the values at hand: they may be secret."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
