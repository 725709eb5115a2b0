"""The playground: what would become of a call that somebody makes up, by the very code that would do it.

`engine.py` runs the collector's intake, the pipeline's stages, the naming lint, the plan's check and the destinations'
rendering on one call. Nothing is kept or sent. `sending.py` sends one for real, over HTTP, as any client would.
"""
