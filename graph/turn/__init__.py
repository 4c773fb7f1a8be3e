"""What a turn goes through: its beginning, the files in it, each call of the model, its end."""
