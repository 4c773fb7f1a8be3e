"""SQL for what people write: canned replies, notes and drafts, attached files, the template for a closed window."""
