"""A simulated shop: visitors on the web and in an app, and the shop's own backend, as calls of stock clients.

    simulate(plan)          what happens: events in the order of their time                 (`world.py`)
    as_requests(events)     how stock clients put them on the wire, troubles included       (`wire.py`)

Both are pure: the same plan gives the same requests, byte for byte. Sending them is the work of `trackway demo`.
"""

from trackway.cli.shop.plan import Plan
from trackway.cli.shop.wire import Request, as_requests
from trackway.cli.shop.world import Event, simulate

__all__ = ["Event", "Plan", "Request", "as_requests", "simulate"]
