"""Answers for the console, whose pages people use who are no programmers.

`overview`: the list of texts, and a version's passages. `grouping`: questions that got no answer, in groups.
`questions`, `cases`, `routes`: over HTTP.
"""
