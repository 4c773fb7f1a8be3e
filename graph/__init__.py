"""The brain: a LangGraph graph (``agent``), served by LangGraph Server.

``contract``: what a run is given and gives, the only coupling with the channel. ``turn``: what a turn goes through.
``model``: which model, its refusals and failures, what of it may be sent.       ``history``: messages as it reads them.
``policy``: departments, confirmations, hours, memory, masking.                  ``tools``: what the agent can do.
``business``: the company's data.   ``files``: customers' files, read apart.     ``prompts``: texts for anyone to edit.
``server``: start, access, persistence, the gateway's client.
Not in here: anything of WhatsApp's API or its credentials.
"""
