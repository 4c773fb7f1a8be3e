"""The object store of customers' files, opened by each process that reads or writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import from_url

if TYPE_CHECKING:
    from obstore.store import ObjectStore


def open_store(url: str) -> ObjectStore:
    """Return the object store of an address (`file:///…`, `s3://…`, `memory:///`); make a missing directory.

    Raises:
        ValueError: There is no such kind of store, or the directory cannot be made.
    """
    try:
        return from_url(url, mkdir=True) if url.startswith("file:") else from_url(url)
    except (BaseError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"MEDIA_URL names no object store that can be used: {reason}") from None
