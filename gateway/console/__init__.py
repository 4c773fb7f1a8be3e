"""The console: pages for the people behind the agent. It holds no token of Meta's, nor the agent server's."""
