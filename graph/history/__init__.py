"""The conversation as the model reads it: messages in words, each tool call with its result."""
