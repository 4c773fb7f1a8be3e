"""Calls of the Graph API: sending, media, and the management of numbers, templates and subscriptions."""
