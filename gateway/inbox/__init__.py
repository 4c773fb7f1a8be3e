"""What arrives: a webhook becomes durable items, an item an event, an event a message; files are fetched."""
