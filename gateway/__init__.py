"""The WhatsApp gateway: webhooks in, runs of the agent, replies out. `cli` starts the processes `serve` and `work`.

`whatsapp`: a library for Meta's Cloud API that knows nothing else.  `store`: all SQL, a folder for each room.
`inbox`: webhooks to stored events, events to messages, files.       `turns`: messages to a run, its answer to replies.
`outbox`: replies and templates to sends, under Meta's rates.        `numbers`: channels, their API clients, health.
`customers`: the keys that mean the same person.                     `internal`: HTTP endpoints for the graph.
`runtime`: loops, ports, metrics and traces of each process.         `commands`: the commands of operators.
Not in here: prompts, models, business data (`graph`), Kubernetes (`k8s`), the simulated Meta (`simulator`).
"""
