"""Replies and templates on their way to Meta: in order, under Meta's rates, by the only sender."""
