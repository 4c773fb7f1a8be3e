"""Questions of customers to the demo's knowledge: how often the right passage is found, and nothing for the others."""
