"""People who use the console: who they are, where they are signed in, what they did."""
