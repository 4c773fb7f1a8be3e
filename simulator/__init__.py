"""Stands in for Meta, the phone and the model, and starts the whole product on one machine.

It imports nothing from the other programs, so that it cannot share their mistakes. It has no place in production.
"""
