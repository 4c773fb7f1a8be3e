"""Meta's side of WhatsApp: its data, its checks of requests, and its webhooks.

It contains the world (numbers, personas, messages), the rules for requests, the shapes of webhooks and their delivery.
HTTP routes are in `simulator.api` and `simulator.control`.
"""
