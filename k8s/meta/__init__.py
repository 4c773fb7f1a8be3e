"""Meta as the operator uses it; nothing else in the operator calls it.

`account` makes the calls of one WhatsApp Business Account, `budget` knows how many are left, and `answers` turns Meta's
answers into observations and problems.
"""
