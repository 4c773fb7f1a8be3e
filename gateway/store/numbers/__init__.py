"""SQL about our numbers: what Meta said of them, and what the checks found."""
