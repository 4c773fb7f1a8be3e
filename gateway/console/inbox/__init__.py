"""The inbox: conversations in lists, by what they wait for."""
