"""SQL about our numbers: Meta's notices about them, and the results of our checks."""
