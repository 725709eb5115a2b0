"""The catalogue: which events each source sends, what is in them, and since when."""
