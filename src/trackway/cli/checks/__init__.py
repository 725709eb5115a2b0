"""What `trackway doctor` looks at: the machine (`machine.py`), the servers (`ports.py`), the workspace (`data.py`)."""
