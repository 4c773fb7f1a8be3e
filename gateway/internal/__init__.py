"""What the agent may ask the gateway, over HTTP."""
