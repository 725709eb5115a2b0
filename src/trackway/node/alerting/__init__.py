"""Alerts: what is worth a message, who was told of it, and how it gets there."""
