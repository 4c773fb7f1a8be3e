"""SQL about turns: leases, what goes into a turn, how it ends."""
