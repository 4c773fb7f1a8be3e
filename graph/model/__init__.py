"""The model: which one, what it refuses and where it fails, and what of its answer may be kept and sent."""
