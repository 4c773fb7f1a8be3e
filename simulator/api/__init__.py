"""The Cloud API over HTTP: messages, media, management, with Meta's errors and the faults that were set."""
