"""What changed, told to open pages at once."""
