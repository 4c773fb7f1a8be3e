"""A conversation's unanswered messages become one run of the agent, and its answer becomes replies."""
