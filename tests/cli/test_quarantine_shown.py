"""Refused calls on the screen."""

from trackway.cli.quarantine_shown import show_call
from trackway.events.records import Place, QuarantineRecord
from trackway.events.verdicts import refuse
from trackway.node.quarantine.found import Quarantined


def test_a_functions_traceback_is_shown_line_by_line_and_steers_no_terminal():
    refusal = refuse("function_failed", "", 'tag: Traceback:\n  File "tag.py", line 5\nValueError: \x1b[2J')
    record = QuarantineRecord("web", "track", "m1", 0, Place(0, 0), "function tag", refusal, b'{"event":"E"}')
    shown = show_call(Quarantined(place=Place(0, 1), record=record, name="E", released=False)).plain.splitlines()
    assert shown[1:4] == ["tag: Traceback:", '  File "tag.py", line 5', "ValueError: \N{REPLACEMENT CHARACTER}[2J"]
