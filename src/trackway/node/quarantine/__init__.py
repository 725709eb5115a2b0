"""Refused calls: finding them, changing them, and letting them out through today's pipeline.

`found.py` reads them from the log, `fixes.py` changes them, `release.py` appends them to the raw log once more. Nothing
is deleted: a released call stays in quarantine, and the journal of releases says where it went.
"""
