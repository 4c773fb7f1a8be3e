"""SQL about turns: their lease, input and end."""
