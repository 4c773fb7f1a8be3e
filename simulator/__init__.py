"""Stands in for Meta, the phone and the model, and starts the whole product on one machine.

``stack``: the local stack.   ``meta``: what Meta knows and does.   ``api``: its Cloud API.   ``phone``: the phone page.
``control``: what drives it.  ``model``: the demo model.           ``faults``, ``calls``: what goes wrong and came in.
It imports nothing from the other programs, so that it cannot share their mistakes. It has no place in production.
"""
