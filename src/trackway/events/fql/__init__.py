"""FQL, Segment's filter language: `type = "track" and properties.total > 10`, as a fast predicate over events.

    from trackway.events import fql

    wanted = fql.compile("event = 'Order Completed' and properties.total >= 100")
    wanted.matches(event)

`docs/filters.md` has the language. Source: Segment's "Destination Filters" and "FQL" pages, and for the prefix form
the open-source evaluator of its browser library.
"""

from trackway.events.fql.error import FqlError
from trackway.events.fql.expressions import Expression
from trackway.events.fql.filter import Filter, compile, parse
from trackway.events.fql.prefix_form import from_ir, parse_path, to_ir

__all__ = ["Expression", "Filter", "FqlError", "compile", "from_ir", "parse", "parse_path", "to_ir"]
