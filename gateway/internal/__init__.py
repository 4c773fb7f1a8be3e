"""The requests that the agent makes to the gateway over HTTP."""
