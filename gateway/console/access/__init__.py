"""Access: passwords, the company's accounts, the pages to sign in and out, a person's own account."""
