"""Operations of people on conversations: take, answer, note, assign, put aside, hand back, close, and undo it.

Each operation is one transaction: the conversation is locked, what the person saw is compared with what is, the change
is made and written into the audit. `by` is the person, None for the command line.
"""
