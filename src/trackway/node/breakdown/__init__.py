"""What became of events by type, name and release of the app."""

from trackway.node.breakdown.counting import Breakdown, Ends, Row, Wish, break_down
from trackway.node.breakdown.desk import BreakdownDesk, check

__all__ = ["Breakdown", "BreakdownDesk", "Ends", "Row", "Wish", "break_down", "check"]
