"""Refused calls on the screen."""

import json

from trackway.cli.quarantine_shown import show_call
from trackway.events.records import Place, QuarantineRecord
from trackway.events.verdicts import refuse
from trackway.node.quarantine.found import Quarantined


def test_a_functions_traceback_is_shown_line_by_line_and_steers_no_terminal():
    refusal = refuse("function_failed", "", 'tag: Traceback:\n  File "tag.py", line 5\nValueError: \x1b[2J')
    record = QuarantineRecord("web", "track", "m1", 0, Place(0, 0), "function tag", refusal, b'{"event":"E"}')
    shown = show_call(Quarantined(place=Place(0, 1), record=record, name="E", released=False)).plain.splitlines()
    assert shown[1:4] == ["tag: Traceback:", '  File "tag.py", line 5', "ValueError: \N{REPLACEMENT CHARACTER}[2J"]


def test_a_shown_call_can_be_copied_as_json():
    call = {"event": "E", "properties": {"a": [1, {"b": None}, []], "c": {}, "d~/": "é"}, "context": {"ip": "::1"}}
    refusal = refuse("plan_invalid_type", "/properties/a/1/b", "it is null")
    body = json.dumps(call).encode()
    record = QuarantineRecord("web", "track", "m1", 0, Place(0, 0), "plan", refusal, body)
    shown = show_call(Quarantined(place=Place(0, 1), record=record, name="E", released=False)).plain.splitlines()
    start = shown.index("  {")
    assert json.loads("".join(line[2:] for line in shown[start:])) == call
    assert [line for line in shown[start:] if line.startswith("→")] == ['→         "b": null']
