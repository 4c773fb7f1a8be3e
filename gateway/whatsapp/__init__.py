"""A library for the WhatsApp Cloud API that knows nothing of this project.

In here: message types, webhook payloads to typed events and back, signatures, error classes, HTTP clients.
Not in here: storage, settings, logging, metrics, retries over time; who uses the library decides about those.

In: `signature.verify`, `raw.decode`, `parse.items` (fast, for the one who acknowledges), `parse.event` (what it means).
Out: `compose.prepare` (a reply to messages that fit), `render.render` (a message to a payload), `client.CloudApi`.
Errors: `errors`, whose classes say whether a resend is safe. Statuses: `status.advance`.
Beside: `media`, `management`, `templates`, `numbers`, `versions`, and every limit in `caps`.
"""
