"""Messages at Meta: checks of sends, rules of windows and rates, delivery, prices."""
