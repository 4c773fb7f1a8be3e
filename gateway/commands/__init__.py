"""The commands of `gateway`. Each does one thing, reports it in plain words, and ends.

Decisions about messages are in the modules that the processes use too, not here.
"""
