from collections.abc import Mapping

from msgspec import Raw

from trackway.events.memo import Memo
from trackway.pipeline.usual_contexts import UsualContexts
from trackway.pipeline.usual_members import Settle

class CompiledWay:
    def __init__(
        self,
        *,
        settlers: Mapping[str, Memo[str, Settle]],
        contexts: UsualContexts,
        objects: Memo[bytes, Raw | None],
        suppressed: frozenset[str],
        bounds_ms: tuple[int, int, int],
    ) -> None: ...
    def take(self, record: bytes, place: tuple[int, int]) -> bytes | None: ...
