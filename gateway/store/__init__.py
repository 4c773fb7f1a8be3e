"""All SQL of the gateway, in the domain's words; nothing here knows HTTP, WhatsApp's API or the agent server.

A folder for each room, and at the root the modules that several rooms need. Functions take a connection and name the
change that they make. Time is the database's, so that workers with different clocks agree. `migrations/` is SQL.
"""
