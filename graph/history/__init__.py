"""What was said, as the model reads it: messages in words, tool calls in pairs."""
