import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.events.records import Place, RawRecord
from trackway.pipeline.chain import build_default_chain, run_chain
from trackway.workspace.plans import PlanCheck
from trackway.workspace.plans.inferring import MAX_EVENTS, MAX_ROWS, PlanInference
from trackway.workspace.plans.reading import parse_plan
from trackway.workspace.plans.writing import write_plan


def track(event: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "properties": properties, "context": {}}


def inferred(events: list[dict[str, Any]]) -> str:
    seen = PlanInference()
    for event in events:
        seen.add(event)
    return write_plan(seen.plan("Shop"))


def test_a_currency_that_the_pipeline_named_is_not_asked_of_clients():
    sent = [(track("Product Clicked", price=n), n) for n in range(3)]
    calls = [(RawRecord("web", "track", f"m{n}", 1, json.dumps(event).encode()), Place(0, n)) for event, n in sent]
    drafts = run_chain(build_default_chain(), calls)
    assert {draft.event["properties"]["currency"] for draft in drafts} == {"USD"}
    plan = parse_plan(inferred([draft.event for draft in drafts]), "shop.yaml")
    assert [PlanCheck(plan).judge(event).violations for event, _ in sent] == [[]] * 3


def test_a_plan_is_inferred_from_what_is_there():
    orders = [
        track(
            "Order Completed",
            order_id=f"o-{number}",
            total=number * 1.5,
            currency=["USD", "EUR", "GBP"][number % 3],
            email=f"user{number % 3}@shop.example",
            paid_at="2026-11-20T10:00:00.123Z",
            quantity=number,
            price=10,
            gift=number % 2 == 0,
            **({"coupon": None} if number % 4 else {"coupon": f"C{number}"}),
            **({"note": "x"} if number == 7 else {}),
            products=[{"sku": f"s{number}", "price": 1.5}, {"sku": "t"}],
            tags=["a", "b"],
        )
        for number in range(60)
    ]
    people = [{"type": "identify", "traits": {"plan": "pro", "address": {"city": "Berlin"}}} for _ in range(3)]
    assert inferred([*orders, *people, {"type": "alias"}, {"type": "track"}, {}]) == (
        """plan: Shop

track:
  Order Completed:
    properties:
      coupon:           string|null!
      currency:         {type: string, enum: [EUR, GBP, USD]}
      email:            string!
      gift:             boolean!
      note:             string
      order_id:         string!
      paid_at:          date-time!
      price:            number!
      products:         array!
      products.$.price: number
      products.$.sku:   string!
      quantity:         integer!
      tags:             array!
      tags.$:           {type: string, enum: [a, b]}
      total:            number!

identify:
  traits:
    address:      object!
    address.city: string!
    plan:         string!
"""
    )


def test_keys_that_are_data_become_no_rows():
    events = [
        track("Cart", by_sku={f"sku-{number}": 1 for number in range(start, start + 30)}) for start in (0, 30, 60)
    ]
    assert inferred(events).splitlines()[-1].strip() == "by_sku: object!"


def test_memory_is_bounded():
    seen = PlanInference()
    for number in range(MAX_EVENTS + 50):
        seen.add(track(f"Event {number}"))
    assert len(seen.plan("x").rules) == MAX_EVENTS
    assert seen.left_out == 50
    wide = PlanInference()
    for number in range(100):
        wide.add(track("Wide", **{f"a{number}": {f"b{inner}": 1 for inner in range(50)}}))
    assert len(wide.plan("x").rules[0].rows) <= MAX_ROWS


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda name, properties: track(name, **properties),
            st.sampled_from(["A", "B"]),
            st.dictionaries(st.text(min_size=1, max_size=3).filter(lambda k: k != "event"), _VALUES, max_size=4),
        ),
        max_size=8,
    )
)
def test_events_are_as_the_plan_says_that_was_inferred_from_them(events: list[dict[str, Any]]):
    seen, other = PlanInference(), PlanInference()
    for event in events:
        seen.add(event)
    for event in random.Random(1).sample(events, len(events)):
        other.add(event)
    plan = seen.plan("x")
    assert plan == other.plan("x")
    check = PlanCheck(plan)
    assert [check.judge(event).violations for event in events] == [[] for _ in events]
    assert parse_plan(write_plan(plan), "x") == plan
