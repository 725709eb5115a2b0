"""Who is whom: the identity ledger, learnt from identify, alias and group events."""
