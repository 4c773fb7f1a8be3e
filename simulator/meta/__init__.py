"""Meta's side of WhatsApp: what it knows, what it accepts, and what it posts to the business.

In here: the world (numbers, personas, messages), the rules for requests, the shapes of webhooks and their delivery.
Not in here: HTTP routes (``simulator.api.cloud_api``, ``simulator.control.control``), the page, the model.
"""
