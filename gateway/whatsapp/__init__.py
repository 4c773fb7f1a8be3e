"""A library for the WhatsApp Cloud API that knows nothing of this project.

In here: message types, webhook payloads to typed events and back, signatures, error classes, one HTTP client.
Not in here: storage, settings, logging, metrics, retries over time; who uses the library decides about those.
"""
