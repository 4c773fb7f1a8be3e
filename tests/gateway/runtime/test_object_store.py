"""The object store of customers' files on a disk."""

import os
import sys
from pathlib import Path

import obstore
import pytest

from gateway import cli
from gateway.runtime.object_store import open_store


async def test_files_and_directories_are_for_their_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gateway", "roles", "--help"])
    before = os.umask(0o022)
    try:
        with pytest.raises(SystemExit):
            cli.main()
        objects = open_store((tmp_path / "a" / "media").as_uri())
        await obstore.put_async(objects, "contact/message/file", b"of a customer")
    finally:
        os.umask(before)
    modes = {path.is_dir(): path.stat().st_mode & 0o777 for path in (tmp_path / "a").rglob("*")}
    assert modes == {True: 0o700, False: 0o600}
