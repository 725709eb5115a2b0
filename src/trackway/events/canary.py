"""The canary: an event of our own that goes the way of every other, so that a way that is blocked is noticed.

It enters by the collector like a client's call, is judged, kept and processed, and stands in the clean log. Whoever
reads that log reads it too; it ends there: no destination is sent one, no warehouse has a row of it.
"""

SOURCE = "_canary"
"""No source of trackway.yaml can have this name: theirs begin with a letter."""
EVENT = "Canary Sent"
