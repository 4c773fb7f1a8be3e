"""Messages at Meta: what a send may be, the rules of windows and rates, what is delivered, what it costs."""
