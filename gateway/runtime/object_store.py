"""The object store of customers' files, opened by each process that reads or writes them."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_UNFINISHED = re.compile(r".*#[0-9]+")  # a folder's file until it is whole; no finished one has such a name


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


def delete_unfinished(store: ObjectStore, days: float) -> int:
    """Delete a folder's files that killed processes left unfinished so long ago; return their number.

    The store itself neither lists nor deletes them. S3 has a rule for such uploads (docs/operations.md, Retention).
    """
    if not isinstance(store, LocalStore) or store.prefix is None:
        return 0
    before, count = time.time() - days * 86_400, 0
    for path in Path(store.prefix).rglob("*#*"):
        with suppress(FileNotFoundError):  # another process ended or deleted it
            if _UNFINISHED.fullmatch(path.name) and path.is_file() and path.stat().st_mtime < before:
                path.unlink()
                count += 1
    return count
