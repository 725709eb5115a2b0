"""Events sent to a destination once more: chosen by `selection.py`, sent by a worker of their own beside the live one.

An order (`orders.py`) is a row of the state database, so that any process may give one, and a restart goes on with it.
`service.py` runs a `DestinationWorker` for each, with an `intake.py` that reads a part of the log, and books of its own
under a name that no live destination can have. The live cursor is never touched.
"""
