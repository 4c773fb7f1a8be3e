"""The agent: a LangGraph graph (`agent`), served by LangGraph Server.

`contract`: input and output of a run, the only coupling with the gateway.
`turn`: the steps of a turn, from the customer's messages to the replies.
`model`: the models, their failures and refusals, and the checks of their answers.
`history`: the conversation as the model reads it.
`policy`: departments, confirmations, business hours, memory, masking.
`tools`: the tools of the agent.
`business`: the company's data.
`knowledge`: the texts that the company has written down, and the search in them.
`files`: readers of customers' files, each file in its own process.
`prompts`: the texts, which anyone can edit.
`server`: LangGraph Server: start, access, persistence, and the client of the gateway.

This package knows nothing of WhatsApp's API or its credentials.
"""
