"""The control API, `/_sim`: people, accounts, faults, the clock."""
