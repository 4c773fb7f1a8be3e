"""The LangGraph Server around the graph: start, access, persistence, and the way to the gateway."""
