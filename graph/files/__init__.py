"""Customers' files, each read in its own process, which ends whatever the file contains.

`reader` starts that process (`child`); the other modules run in it. They import little, because it starts for each
file.
"""

from __future__ import annotations


class UnreadableError(Exception):
    """The file is damaged, is of another type than stated, or has a type that is not supported."""
