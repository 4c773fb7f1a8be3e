"""Secrets of a simulated world: random, stored in the local stack's directory, and never real credentials."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

FILE = "simulator.json"


def new_secret() -> str:
    """Return a new random secret."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Keys:
    """The secrets of the simulated Meta, and `control`, the token of `/_sim`."""

    access_token: str = field(default_factory=new_secret)
    app_secret: str = field(default_factory=new_secret)
    verify_token: str = field(default_factory=new_secret)
    control: str = field(default_factory=new_secret)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Return the secrets stored in the directory. Raises FileNotFoundError, or ValueError for a damaged file."""
        found = json.loads((directory / FILE).read_text())
        if not isinstance(found, dict) or found.keys() != cls().as_dict().keys() or not all(found.values()):
            raise ValueError(f"{directory / FILE} is damaged: remove it, and new secrets are made")
        return cls(**{name: str(value) for name, value in found.items()})

    @classmethod
    def load_or_new(cls, directory: Path) -> Self:
        """Return the secrets stored in the directory, else new, unsaved ones. Raises ValueError as `load` does."""
        try:
            return cls.load(directory)
        except FileNotFoundError:
            return cls()

    def save(self, directory: Path) -> None:
        """Write the secrets to a file that only this user can read."""
        temporary = directory / f"{FILE}.new"
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(self.as_dict(), file)
        temporary.replace(directory / FILE)

    def as_dict(self) -> dict[str, str]:
        """Return the secrets by name."""
        return asdict(self)

    def environment(self) -> dict[str, str]:
        """Return the three secrets of the simulated Meta as environment variables of gateway and simulator."""
        values = (self.access_token, self.app_secret, self.verify_token)
        return dict(zip(CREDENTIALS, values, strict=True))


CREDENTIALS = ("WHATSAPP_ACCESS_TOKEN", "WHATSAPP_APP_SECRET", "WHATSAPP_WEBHOOK_VERIFY_TOKEN")
