"""The WhatsApp gateway: webhooks in, runs of the agent, replies out. `cli` starts `serve`, `work` and `console`.

`whatsapp`: a library for Meta's Cloud API that knows nothing else.  `store`: all SQL, a folder for each room.
`inbox`: webhooks to stored events, events to messages, files.       `turns`: a turn's run, replies, fixed sentences.
`outbox`: sends under Meta's rates, and what follows on a refusal.   `numbers`: channels, clients, quiet period, health.
`customers`: the keys that mean the same person.                     `internal`: HTTP endpoints for the graph.
`conversations`: what people do with a conversation, by its rules.   `console`: pages for people, access, texts.
`housekeeping`, `health_checks`: old rows; what a process needs.     `commands`: the commands of operators.
`runtime`: loops, ports, metrics and traces of each process.         `doctor`: what is wrong, and what to do about it.
`backup`, `drill`: encrypted backups, the restore, and its trial.
Not in here: prompts, models, business data (`graph`), Kubernetes (`k8s`), the simulated Meta (`simulator`).
"""
