"""Messages that people send from a conversation: texts, files, reactions, the template for a closed window."""
