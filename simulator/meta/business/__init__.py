"""What a business has at Meta: accounts, numbers' profiles, templates, usage, verification."""
