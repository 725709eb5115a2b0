"""Deletions of people: what was asked, and having every destination carry it out.

A deletion is written into the state database for each destination, carried out by the running server when all that was
on its way to the destination before has arrived, and tried again until the vendor has taken it.
"""
