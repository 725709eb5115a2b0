import io
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.cli.json_lines import Batch, Run, Span, read_batches, unsent, with_message_id

texts = st.sampled_from(["", "  ", "nonsense"]) | st.builds(
    lambda size: json.dumps({"type": "track", "userId": "u", "pad": "x" * size}), st.integers(0, 300)
)


def batches_of(lines: list[str], run: Run, **bounds: int) -> list[Batch]:
    return list(read_batches(io.BytesIO("\n".join(lines).encode()), run, **{"count": 100, **bounds}))


@given(st.lists(texts, max_size=40), st.integers(1, 7), st.integers(1, 900))
def test_batches_hold_every_line_once_in_order_within_bounds(lines: list[str], count: int, max_bytes: int) -> None:
    batches = batches_of(lines, Run("r"), count=count, max_bytes=max_bytes)
    sent = [line for batch in batches for line, _ in batch.calls]
    unreadable = [line for batch in batches for line, _ in batch.unreadable]
    assert sent == [number for number, text in enumerate(lines, 1) if text.startswith("{")]
    assert unreadable == [number for number, text in enumerate(lines, 1) if text == "nonsense"]
    for batch in batches:
        assert len(batch.calls) <= count
        assert len(batch.calls) == 1 or sum(len(call) for _, call in batch.calls) <= max_bytes
        assert json.loads(batch.body("now"))["sentAt"] == "now"
    spans = [batch.span for batch in batches]
    for before, after in itertools.pairwise(spans):
        assert before.last is not None
        assert after.first == before.last + 1


@given(st.lists(texts, max_size=40), st.integers(1, 7), st.data())
def test_going_on_sends_exactly_what_was_not_sent(lines: list[str], count: int, data: st.DataObject) -> None:
    """Break off twice, at random batches: in the end every call was sent once, under one message id."""
    run: Run | None = Run("r")
    sent: list[tuple[int, bytes]] = []
    for last in (False, False, True):
        if run is None:
            break
        batches = batches_of(lines, run, count=count)
        begun = len(batches) if last else data.draw(st.integers(0, len(batches)))
        fails = [False] * begun if last else data.draw(st.lists(st.booleans(), min_size=begun, max_size=begun))
        sent += [call for batch, bad in zip(batches, fails, strict=False) if not bad for call in batch.calls]
        failed = [batch.span for batch, bad in zip(batches, fails, strict=False) if bad]
        next_line = None if last else (batches[begun - 1].span.last or 0) + 1 if begun else 1
        run = unsent(run, failed, next_line)
        if run is not None:
            run = Run.read(str(run))
    whole = [call for batch in batches_of(lines, Run("r"), count=1000) for call in batch.calls]
    assert sorted(sent) == whole


spans_of_any_kind = st.lists(st.tuples(st.integers(1), st.none() | st.integers(1)), min_size=1)


@given(st.text(alphabet="0123456789abcdef", min_size=1, max_size=12), spans_of_any_kind)
def test_a_run_reads_what_it_writes(name: str, spans: list[tuple[int, int | None]]) -> None:
    run = Run(name, tuple(Span(*span) for span in spans))
    assert Run.read(str(run)) == run


@pytest.mark.parametrize("text", ["", "9f2c61", "9f2c61:", "9f2c61:401", "9f:1-2,", ":1-2", "X:1-2"])
def test_anything_else_is_no_run(text: str) -> None:
    with pytest.raises(ValueError, match="9f2c61:401-500"):
        Run.read(text)


def test_what_is_left_is_joined() -> None:
    left = unsent(Run("r"), [Span(11, 20), Span(1, 5), Span(6, 10)], 41)
    assert str(left) == "r:1-20,41-"
    assert unsent(Run("r"), [], None) is None
    assert str(unsent(Run("r", (Span(5, 30),)), [Span(1, 10)], 25)) == "r:5-10,25-30"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"type":"track"}', {"messageId": "new", "type": "track"}),
        (b"{}", {"messageId": "new"}),
        (b'{ "messageId" : "own" }', {"messageId": "own"}),
        (b'{"a":{"messageId":"inner"}}', {"messageId": "new", "a": {"messageId": "inner"}}),
        (b'{"messageId":null,"a":1}', {"messageId": "new", "a": 1}),
        (b'{"messageId":"","a":1}', {"messageId": "new", "a": 1}),
        (b'\xef\xbb\xbf{"a":1}', {"messageId": "new", "a": 1}),
        (b'{"a":NaN}', {"messageId": "new", "a": None}),
        (b"[1]", [1]),
    ],
)
def test_a_call_gets_a_message_id_if_it_has_none(line: bytes, expected: object) -> None:
    call, why = with_message_id(line, "new")
    assert json.loads(call) == expected
    assert why == ""


@pytest.mark.parametrize("line", [b"nonsense", b'{"a":1', b"[1,", b'{"a":1}{"b":2}', b"'"])
def test_what_is_no_json_is_not_sent(line: bytes) -> None:
    call, why = with_message_id(line, "new")
    assert call == b""
    assert why.startswith("The line is not JSON")
