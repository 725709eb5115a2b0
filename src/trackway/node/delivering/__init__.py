"""Delivery over several processes: each owns whole destinations, with their cursor, their breaker and their books."""
