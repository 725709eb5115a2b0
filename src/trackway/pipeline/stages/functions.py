"""The workspace's Python functions as stages of the pipeline, one stage a function."""

from collections.abc import Collection
from typing import Any

from trackway.events import lenient_json
from trackway.events.clock_skew import format_ms, parse_ms
from trackway.functions.files import find_function, functions_folder
from trackway.functions.messages import Reply, Task
from trackway.functions.process import FunctionProcess
from trackway.pipeline.draft import Draft
from trackway.workspace.model import Function, Workspace

_KEPT = ("originalTimestamp", "timestamp", "receivedAt", "channel")
"""What an event has that a function makes anew, where the function says nothing of it."""


class FunctionStage:
    """The stage that gives the events of some sources to one function."""

    def __init__(self, function: str, sources: Collection[str], settings: Function, process: FunctionProcess) -> None:
        self.name = f"function {function}"
        self._function = function
        self.sources = frozenset(sources)
        self._settings = settings
        self._process = process

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change, drop or split what the function says; what it fails on goes to quarantine with the traceback."""
        mine = [draft for draft in drafts if draft.raw.source in self.sources]
        if not mine:
            return drafts
        tasks = [
            Task(
                self._function,
                lenient_json.dumps(draft.event),
                draft.raw.source,
                "",
                draft.raw.received_at_ms,
                self._settings.settings,
            )
            for draft in mine
        ]
        replies = iter(self._process.run(tasks, timeout_s=float(self._settings.timeout)))
        result: list[Draft] = []
        for draft in drafts:
            if draft.raw.source in self.sources:
                result += self._apply(draft, next(replies))
            else:
                result.append(draft)
        return result

    def _apply(self, draft: Draft, reply: Reply) -> list[Draft]:
        if reply.end == "dropped":
            draft.drop("function", f"{self._function}: {reply.reason}")
            return [draft]
        if reply.end == "failed":
            draft.quarantine(reply.reason, "", f"{self._function}: {reply.detail}")
            return [draft]
        # An event that went through a function keeps what no function may touch.
        events: list[dict[str, Any]] = [lenient_json.loads(body)[0] for body in reply.events]
        times = [time_ms for event in events if (time_ms := _complete(event, draft)) is not None]
        if len(times) < len(events):
            draft.quarantine("function_failed", "", f"{self._function}: it set timestamp to no time in ISO 8601")
            return [draft]
        drafts = draft.split(events)
        for one, time_ms in zip(drafts, times, strict=True):
            one.timestamp_ms = time_ms
        return drafts


def _complete(event: dict[str, Any], before: Draft) -> int | None:
    """Give what a function returned the fields that every event has; return its time, None for what is none."""
    kept = before.event
    event["messageId"] = kept["messageId"]
    for name in _KEPT:
        if name in kept and (event.get(name) is None or name == "receivedAt"):
            event[name] = kept[name]
    event.setdefault("context", {})
    event.setdefault("integrations", {})
    if event.get("timestamp") == kept.get("timestamp"):
        return before.timestamp_ms
    time_ms = parse_ms(event["timestamp"])
    if time_ms is not None:
        event["timestamp"] = format_ms(time_ms)
    return time_ms


def function_stages(workspace: Workspace) -> list[FunctionStage]:
    """Return the stages for the functions that sources name; each source's list is kept to in its order.

    Raises:
        FunctionError: a source names one that does not exist.
    """
    folder = functions_folder(workspace.folder)
    # Sources may name the same functions in different orders: what is first in a list runs in the first round.
    rounds: dict[tuple[int, str], list[str]] = {}
    for key, source in workspace.sources.items():
        for number, name in enumerate(source.functions):
            find_function(folder, name, where=f"trackway.yaml: sources.{key}.functions")
            rounds.setdefault((number, name), []).append(key)
    if not rounds:
        return []
    process = FunctionProcess(folder)
    return [
        FunctionStage(name, sources, workspace.functions.get(name, Function()), process)
        for (_, name), sources in sorted(rounds.items())
    ]
