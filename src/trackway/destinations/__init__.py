"""Destinations: `kit.py` is all that one may import, `catalog/` has one file each, `registry.py` finds them by type."""
