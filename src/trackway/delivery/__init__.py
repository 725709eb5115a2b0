"""From the events log to destinations: a cursor, a worker and a breaker each, and a ledger that balances.

`service.py` runs a `worker.py` per destination. In a worker an event goes through `filters.py`, waits its turn in
`backlog.py`, is sent by `sender.py` over `transport.py` as `breaker.py` permits, and its end is written by `books.py`.
What a destination refuses for now while it takes others is tried again by `parked.py`. `ledger.py` counts.
"""
