"""The demo model behind OpenAI's API: its server, its rules, its script."""
