"""Webhooks: from the signed bytes of a body to items, and from an item to a typed event."""
