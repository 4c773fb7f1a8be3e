"""The commands of ``gateway`` beside its two processes: each does one thing, says so in plain words, and ends.

Nothing in here decides anything about messages: that is in the modules that the processes use too.
"""
