"""Meta as the operator uses it; nothing else in the operator calls it.

`client` holds the accounts in use, and `account` makes the calls of one. `session` is what every call needs, `budget`
knows how many calls are left, and `answers` turns Meta's answers into observations and problems.
"""
