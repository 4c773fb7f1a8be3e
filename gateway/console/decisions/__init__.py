"""Decisions of a person about many conversations at once."""
