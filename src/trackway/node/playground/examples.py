"""Settings with which a destination type can be shown that nobody has set up: those of its own cases."""

from collections import Counter
from functools import cache

import msgspec

from trackway.destinations import registry
from trackway.destinations.registry import Destination
from trackway.errors import TrackwayError
from trackway.testing.destinations import cases


@cache
def example(kind: str) -> Destination:
    """Return a destination of the catalogue with the settings that most of its cases use; they are made up.

    Raises:
        TrackwayError: there is no such type, or it has no cases.
    """
    known = cases(kind)
    if not known:
        raise TrackwayError(f"{kind} has no case to take example settings from")
    counted = Counter(msgspec.json.encode(one.settings) for one in known.values())
    settings = msgspec.json.decode(counted.most_common(1)[0][0])
    return registry.load(kind, settings, where="settings")
