"""All SQL of the gateway, in the domain's words; nothing here knows HTTP, WhatsApp's API or the agent server.

Functions take a connection or a pool and say what they do to the domain. Time is the database's, so that workers with
different clocks agree. ``migrations/`` is plain SQL.
"""
