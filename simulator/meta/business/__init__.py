"""A business's objects at Meta: accounts, numbers' profiles, templates, usage, verification."""
