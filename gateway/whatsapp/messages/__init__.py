"""Messages that go out: their types, Markdown in WhatsApp's formatting, and payloads within Meta's limits."""
