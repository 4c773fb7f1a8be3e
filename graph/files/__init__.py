"""Files of customers: read in a process of its own, which ends whatever is in the file.

``reader`` starts that process (``child``); the other modules run in it. They import little: it starts for each file.
"""

from __future__ import annotations


class UnreadableError(Exception):
    """The file is damaged, is not what it says that it is, or has a type that is not read here."""
