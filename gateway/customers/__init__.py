"""The keys (numbers, user ids) that mean the same customer, and since when."""
