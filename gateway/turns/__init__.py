"""A conversation's unanswered messages become one run of the agent, and what it answers becomes replies."""
