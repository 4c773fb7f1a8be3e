"""SQL about what comes in: items of webhooks, messages, files."""
