"""The workspace's Python functions that stand between an event and one destination."""

from typing import Self

import msgspec

from trackway.delivery.items import End
from trackway.events import lenient_json
from trackway.events.records import EventRecord
from trackway.functions.files import find_function, functions_folder
from trackway.functions.messages import Task
from trackway.functions.process import FunctionProcess
from trackway.workspace.model import Function, Workspace

BY_FUNCTION = "FILTERED_BY_FUNCTION"
SPLIT = "a function of a destination returns one event; to split events name it under the source"


class DestinationFunctions:
    """Gives events to a destination's functions, one after the other. One thread's."""

    def __init__(self, key: str, functions: dict[str, Function], process: FunctionProcess) -> None:
        """`key` is the destination's in trackway.yaml; `functions` run in their order."""
        self._key = key
        self._functions = functions
        self._process = process

    @classmethod
    def of(cls, workspace: Workspace, key: str) -> Self | None:
        """Return the functions of a destination, None if it has none.

        Raises:
            FunctionError: it names one that does not exist.
        """
        names = workspace.destinations[key].functions
        folder = functions_folder(workspace.folder)
        for name in names:
            find_function(folder, name, where=f"trackway.yaml: destinations.{key}.functions")
        functions = {name: workspace.functions.get(name, Function()) for name in names}
        return cls(key, functions, FunctionProcess(folder)) if names else None

    def apply(self, event: EventRecord) -> EventRecord | End:
        """Return the event as the functions leave it, or how it ends."""
        body = event.body
        for name, settings in self._functions.items():
            task = Task(name, body, event.source, self._key, event.received_at_ms, settings.settings)
            [reply] = self._process.run([task], timeout_s=float(settings.timeout))
            if reply.end == "dropped":
                return End("discarded", BY_FUNCTION, f"{name}: {reply.reason}")
            if reply.end == "failed":
                return End("failed", reply.reason, f"{name}: {reply.detail}")
            if len(reply.events) > 1:
                return End("failed", "function_failed", f"{name}: {SPLIT}")
            body = reply.events[0]
        return event if body == event.body else with_body(event, body)


def with_body(event: EventRecord, body: bytes) -> EventRecord:
    """Return `event` with another body, its other fields as the body says; the message id stays."""
    after = lenient_json.loads(body)[0]
    after["messageId"] = event.message_id
    name = after.get("event") if event.type == "track" else after.get("name")
    return msgspec.structs.replace(
        event,
        body=lenient_json.dumps(after),
        name=name if isinstance(name, str) else "",
        user_id=after.get("userId"),
        anonymous_id=after.get("anonymousId"),
    )
