"""SQL for the texts of people: canned replies, notes and drafts, attached files, the template for a closed window."""
