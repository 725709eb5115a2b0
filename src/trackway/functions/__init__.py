"""The workspace's Python functions, `functions/*.py`: they change, drop or split events, in a process of their own."""
