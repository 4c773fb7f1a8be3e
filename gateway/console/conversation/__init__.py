"""A conversation: its messages, what a person writes and does, and the customer."""
