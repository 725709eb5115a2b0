"""What `trackway doctor` looks at.

The machine (`machine.py`), what was installed (`installation.py`), the servers (`ports.py`), the workspace (`data.py`).
"""
