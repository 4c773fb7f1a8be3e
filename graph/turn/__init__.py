"""The steps of a turn: its beginning, its files, each call of the model, its end."""
