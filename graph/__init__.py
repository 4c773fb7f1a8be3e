"""The brain: a LangGraph graph, served by LangGraph Server.

In here: state, context, tools, departments, prompts, business data. Not in here: anything of WhatsApp's API or its
credentials; the contract with the channel is ``graph.state``.
"""
