"""The LangGraph Server around the graph: start, access, persistence, and the client of the gateway."""
