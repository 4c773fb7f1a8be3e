"""Changes, sent to open pages at once."""
