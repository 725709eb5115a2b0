"""Hold a destination to its cases and to what every destination promises.

A case is a JSON file in `<module>.cases/` beside the destination's module, at once test and documentation:

    {"about": "what it shows", "settings": {…}, "events": [{…}],
     "requests": [{"method", "url", "headers", "json"}], "skipped": {"m-1": "reason"},
     "answer": {"status", "headers", "body"}, "outcomes": ["delivered", "retry 503 after 7", …]}

With `delete`, such as `{"user_id": "u-1", "email": "a@b.co"}`, in place of `events` it shows how a person is deleted.
`request` may stand for a list of one, `answer` for another; `body` (text) for `json`. `skipped` names events that are
not sent, by message id. Requests are answered in order by `answers`, and when there are no more of them by 200 `{}`, as
a look-up that finds nothing; `outcomes` is what the destination makes of that, for each row of each route. An outcome
is written `delivered`, `rejected 400`, `retry 503` or `retry 503 after 7`; a deletion may end `skipped missing_email`.
"""

import random
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from trackway.destinations import kit, registry
from trackway.destinations.destination import Destination, UnreadableAnswer
from trackway.destinations.preview import by_route
from trackway.errors import TrackwayError

Json = dict[str, Any]
_MOST_REQUESTS = 20
"""For a row, halved batches and look-ups included."""
_SOMEBODY = kit.Person(user_id="u-1", anonymous_ids=("a-1",), email="u1@example.com")
Steps: TypeAlias = Generator[kit.Request, kit.Answer, list[Any]]


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """A vendor's answer in a case."""

    status: int
    headers: dict[str, str] = {}
    body: Any = ""
    """Text, or JSON that is not a text."""

    def response(self) -> kit.Response:
        """Return it as a destination gets it."""
        body = self.body.encode() if isinstance(self.body, str) else msgspec.json.encode(self.body)
        return kit.Response(
            status=self.status, headers={name.lower(): value for name, value in self.headers.items()}, body=body
        )


class Case(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One case file."""

    about: str
    settings: Json
    events: list[msgspec.Raw] = []
    delete: kit.Person | None = None
    request: Json | None = None
    requests: list[Json] = []
    skipped: dict[str, str] = {}
    answer: Answer | None = None
    answers: list[Answer] = []
    outcomes: list[str] = []


def cases(kind: str, *, folder: Path | None = None) -> dict[str, Case]:
    """Return the cases of a destination type by file name, without `.json`; `folder` is a workspace with its own.

    Raises:
        TrackwayError: there is no such type, or a file holds no case.
    """
    file = Path(registry.find(kind, folder).__file__ or "")
    beside, inside = file.with_suffix(".cases"), file.with_name("cases")
    found = inside if file.name == "__init__.py" else beside
    return {path.stem: _case(path) for path in sorted(found.glob("*.json"))}


def _case(file: Path) -> Case:
    try:
        case = msgspec.json.decode(file.read_bytes(), type=Case)
        for event in case.events:
            msgspec.json.decode(event, type=Json)
    except (msgspec.MsgspecError, OSError) as error:
        raise TrackwayError(f"{file} is no case: {error}") from error
    return case


def check_case(kind: str, case: Case, *, folder: Path | None = None) -> None:
    """Raise AssertionError, with what was made instead, unless the destination does what `case` says."""
    destination = registry.load(kind, case.settings, where="settings", folder=folder)
    rows, skipped = _render(destination, case.events)
    answers = [case.answer, *case.answers] if case.answer else case.answers
    sent: list[kit.Request] = []
    outcomes: list[kit.Outcome | kit.Skipped] = []
    for batch in _batches(destination, rows):
        outcomes += _carry_out(destination.exchange(batch), sent, answers)
    if case.delete is not None:
        outcomes += _carry_out(listed(destination.deletion(case.delete)), sent, answers)
    _same("requests", [_shown(request, case) for request in sent], [case.request] if case.request else case.requests)
    _same("skipped", skipped, case.skipped)
    if answers or case.outcomes:
        _same("outcomes", [_told(found) for found in outcomes], case.outcomes)


def check_contract(
    kind: str,
    settings: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    *,
    folder: Path | None = None,
    rounds: int = 200,
    seed: int = 0,
) -> None:
    """Raise AssertionError unless the destination keeps what every destination promises.

    Whatever is answered, there is one outcome per row, or an answer that cannot be read, and one for a deletion;
    the same events make the same requests; and neither settings nor requests show a secret when printed. `folder` is a
    workspace with types of its own.
    """
    destination = registry.load(kind, settings, where="settings", folder=folder)
    limits, chance = destination.limits, random.Random(seed)  # noqa: S311  the same answers at every run
    fine = limits.events >= 1 and limits.bytes >= 1 and limits.wait_s >= 0 and limits.concurrency >= 1
    _require(fine, f"limits that nothing can keep: {limits}")
    bodies = [msgspec.Raw(msgspec.json.encode(event)) for event in events]
    rows, _ = _render(destination, bodies)
    again, _ = _render(destination, bodies)
    _require([row.value for row in rows] == [row.value for row in again], "the same event made different rows")
    for group in by_route(rows):
        for size in {1, min(len(group), limits.events)}:
            batch = group[:size]
            first, second = _first(destination, batch), _first(destination, batch)
            if first is None or second is None:
                continue
            same = (first.url, first.content()) == (second.url, second.content())
            _require(same, "the same rows made different requests")
            for secret in destination.secrets():
                shown = repr(first) + repr(destination.settings)
                _require(secret not in shown, "a secret shows when it is printed")
            for _ in range(rounds):
                _check_outcomes(destination.exchange(batch), len(batch), chance)
    for _ in range(rounds):
        _check_outcomes(listed(destination.deletion(_SOMEBODY)), 1, chance)


def _batches(destination: Destination, rows: Sequence[kit.Row]) -> Iterator[list[kit.Row]]:
    """Yield rows as delivery would put them together: those of one route, as many as the destination's limits allow."""
    most = destination.limits.events
    for group in by_route(rows):
        for first in range(0, len(group), most):
            yield group[first : first + most]


def listed(deletion: kit.Deletion) -> Steps:
    """Return a deletion as an exchange with one row."""
    return [(yield from deletion)]


def _check_outcomes(exchange: Steps, count: int, chance: random.Random) -> None:
    answers: list[kit.Answer] = []
    try:
        next(exchange)
        for _ in range(_MOST_REQUESTS * count):
            answers.append(_any_answer(chance))
            exchange.send(answers[-1])
    except UnreadableAnswer:
        return
    except StopIteration as done:
        outcomes: list[Any] = done.value
        _require(len(outcomes) == count, f"{len(outcomes)} outcomes for {count} rows after {answers}")
        for outcome in outcomes:
            known = isinstance(outcome, kit.Delivered | kit.Retry | kit.Rejected | kit.Skipped)
            _require(known, f"{outcome!r} is no outcome, after {answers}")
    else:
        raise AssertionError(f"requests without end after {answers}")


def _any_answer(chance: random.Random) -> kit.Answer:
    if chance.random() < 0.1:
        return chance.choice([kit.Retry("connection"), kit.Rejected("address_refused")])
    status = chance.choice([200, 201, 204, 207, 301, 400, 401, 403, 404, 408, 413, 422, 425, 429, 500, 502, 503])
    headers = chance.choice([{}, {"retry-after": "3"}, {"retry-after": "soon"}, {"content-type": "text/html"}])
    body = chance.choice([b"", b"ok", b"<html>", b"{}", b"[]", b"null", b'{"errors":[{"index":0}]}', b"\xff\xfe"])
    return kit.Response(status=status, headers=headers, body=body)


def _first(destination: Destination, rows: Sequence[kit.Row]) -> kit.Request | None:
    """Return the first request for rows, or None if nothing can be sent of them."""
    try:
        return next(destination.exchange(rows))
    except StopIteration:
        return None


def _render(destination: Destination, bodies: Sequence[msgspec.Raw]) -> tuple[list[kit.Row], dict[str, str]]:
    rows: list[kit.Row] = []
    skipped: dict[str, str] = {}
    for body in bodies:
        # Cases are written to be read; events in the log have no space between their parts.
        event = kit.Event.from_json(msgspec.json.format(bytes(body), indent=-1), destination.name)
        found = destination.rows(event)
        if isinstance(found, kit.Skipped | kit.Rejected):
            skipped[event.message_id] = found.reason
        else:
            rows.extend(found)
    return rows, skipped


def _carry_out(
    exchange: Steps, sent: list[kit.Request], answers: Sequence[Answer]
) -> Sequence[kit.Outcome | kit.Skipped]:
    """Add the requests of an exchange to those `sent`, answered in their order, and return its outcomes."""
    try:
        request = next(exchange)
        while True:
            sent.append(request)
            answer = answers[len(sent) - 1] if len(sent) <= len(answers) else Answer(200, body={})
            request = exchange.send(answer.response())
    except StopIteration as done:
        return done.value
    except UnreadableAnswer:
        return [kit.Retry("unreadable_answer")]


def _shown(request: kit.Request, case: Case) -> Json:
    """Return a request as cases write it, its body in the form that the case has."""
    shown: Json = {"method": request.method, "url": request.url, "headers": dict(request.headers)}
    wanted = [case.request] if case.request else case.requests
    if any("body" in one for one in wanted):
        return shown | {"body": request.content().decode()}
    content = request.content()
    return shown | ({"json": msgspec.json.decode(content)} if content else {})


def _told(outcome: kit.Outcome | kit.Skipped) -> str:
    """Return an outcome as cases write it."""
    if isinstance(outcome, kit.Skipped):
        return f"skipped {outcome.reason}"
    if isinstance(outcome, kit.Retry):
        return f"retry {outcome.reason}" + ("" if outcome.after_s is None else f" after {outcome.after_s:g}")
    return f"rejected {outcome.reason}" if isinstance(outcome, kit.Rejected) else "delivered"


def _require(kept: bool, message: str) -> None:
    # Not `assert`: this runs in other people's tests, where Python may be told to leave those out.
    if not kept:
        raise AssertionError(message)


def _same(what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        pretty = msgspec.json.format(msgspec.json.encode(found)).decode()
        raise AssertionError(f"{what} differ; the destination made:\n{pretty}")
