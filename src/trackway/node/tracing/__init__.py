"""The story of an event, from the call to every destination's answer.

`index.py` finds the records of a message id among any number, `search.py` those of a user or with words in them;
`story.py` tells what became of one, from `changes.py` (what each stage changed), `trackway.delivery.trace` (attempts
and outcomes) and `rows.py` (the warehouse).
"""
