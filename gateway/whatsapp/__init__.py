"""A library for the WhatsApp Cloud API that knows nothing of this project.

In here: webhook payloads to typed events, messages to payloads, signatures, error classes, HTTP clients.
Not in here: storage, settings, logging, metrics, retries over time: the program that uses the library decides those.

`webhooks`: `signature.verify`, `items.items` (fast, before the acknowledgement), `parse.event` (what an item means).
`messages`: `compose.prepare` (a reply to messages that fit), `render.render` (a message to its payload), `caps`.
`api`: `client.CloudApi` sends; `media`, `uploads`, `management` are the other edges; `connection` is their transport.
`errors`: classes that say whether another try is safe; `error_codes`: Meta's codes; `refusals`: its answers, as errors.
`text`, `numbers`, `json_bytes`, `reading`: used by all three.
"""
