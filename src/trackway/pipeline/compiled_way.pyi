from collections.abc import Iterable, Mapping, Sequence

from msgspec import Raw

from trackway.events.memo import Memo
from trackway.pipeline.faults import Fault
from trackway.pipeline.short_way import Take
from trackway.pipeline.usual_contexts import UsualContexts
from trackway.pipeline.usual_members import Settle

class CompiledWay:
    def __init__(
        self,
        otherwise: Take,
        *,
        fault: Fault,
        settlers: Mapping[str, Memo[str, Settle]],
        contexts: UsualContexts,
        objects: Memo[bytes, Raw | None],
        suppressed: frozenset[str],
        bounds_ms: tuple[int, int, int],
    ) -> None: ...
    def __call__(self, record: bytes, place: tuple[int, int]) -> bytes | None: ...

def take_each(
    made: list[bytes | None],
    records: Sequence[bytes],
    sources: Sequence[str],
    takes: Mapping[str, Take],
    partition: int,
    offset: int,
    numbers: Iterable[int],
) -> None: ...
