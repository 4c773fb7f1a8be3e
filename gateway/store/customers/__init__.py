"""SQL about contacts: their keys, two that become one, and what proves who they are."""
