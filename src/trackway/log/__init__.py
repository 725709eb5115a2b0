"""The event log: what every part reads from and writes to. `contract.py` says what a log promises."""
