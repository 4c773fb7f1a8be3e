"""SQL about webhook items (events), customers' messages, and their files (media)."""
