"""The channel: WhatsApp webhooks in, agent runs, replies out.

Two processes share this package: ``serve`` takes webhooks over HTTP and makes them durable; ``work`` turns them into
runs of the agent and sends what it answers. Nothing else sends. In here: channels, conversations, messages, and the
WhatsApp credentials. Not in here: prompts, models, business data (``graph``), Kubernetes (``k8s``).
"""
