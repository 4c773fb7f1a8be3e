"""Simulate Meta, the phone and the model, and start the whole product on one machine. Never used in production.

`stack`: starts, watches and stops the local stack.     `meta`: Meta's data, its checks, its webhooks.
`api`: the Cloud API over HTTP.                         `phone`: the phone page.
`control`: `/_sim`, by which tests and page drive it.   `model`: the demo model behind OpenAI's API.
`cli`: the commands; `say` and `load` use a running stack; `app`: the application of `serve`.
`faults`, `calls`, `access`: faults on purpose, the log of calls, the token.   It imports no other program.
"""
