"""The error of this room."""


class BackupError(Exception):
    """A backup or a restore did not succeed; the message is one sentence that says why."""
