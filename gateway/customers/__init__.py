"""Customers: which keys mean the same person, and since when."""
