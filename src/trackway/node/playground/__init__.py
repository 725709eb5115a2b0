"""The playground: what would become of a call that somebody makes up, by the very code that would do it.

`engine.py` runs the collector's intake, the pipeline's stages, the naming lint, the plan's check and the destinations'
rendering on one call. Nothing is kept or sent. `sending.py` sends one for real, over HTTP, as any client would.

For everybody, `public.py` serves the page without a workspace; `workers.py` runs the engine in the processes of
`worker.py`, which can reach nothing and are killed when they are late.
"""
