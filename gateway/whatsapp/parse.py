"""Webhook payloads understood: `items` takes a payload apart, `event` says what an item means."""

from gateway.whatsapp.items import Item, items

__all__ = ["Item", "items"]
