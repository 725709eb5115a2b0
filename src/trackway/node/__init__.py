"""Wires the parts into running processes; the only place that knows them all.

    supervisor   binds the ports, starts the others, starts them again when they die, shows the status line
    collector    one or more: HTTP in, raw log out
    pipeline     raw log in, clean log out
    hub          delivery, warehouses, console, retention

Each is a process of its own, so that a busy pipeline never makes a client wait. They share the logs and nothing else.
"""
