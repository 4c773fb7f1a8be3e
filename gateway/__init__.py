"""The channel: WhatsApp webhooks in, runs of the agent, replies out. ``cli`` starts ``serve`` and ``work``.

``whatsapp``: a library for the Cloud API that knows nothing of us.   ``store``: all SQL, in the domain's words.
``inbox``: webhook, durable items, events, messages, files.           ``turns``: messages to a run, a run to replies.
``outbox``: replies and templates to sends, under Meta's rates.       ``numbers``: channels, their clients and health.
``customers``: which keys mean the same person.                       ``internal``: what the graph may ask.
``runtime``: loops, ports, metrics, traces.                           ``commands``: what people type.
Not in here: prompts, models, business data (``graph``), Kubernetes (``k8s``).
"""
