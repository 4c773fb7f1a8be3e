"""``/_sim``: what drives the simulator: people, accounts, faults, the clock."""
