"""The models: making them, their failures and refusals, and the checks of their answers."""
