"""The settings of `gateway backup` and of a restore."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from gateway.runtime.settings import CommonSettings


class BackupSettings(CommonSettings):
    """Databases, object stores and keys. The private key is read for a restore only."""

    secrets: ClassVar[tuple[str, ...]] = (
        *CommonSettings.secrets, "AGENT_DATABASE_URL", "BUSINESS_DATABASE_URL", "KNOWLEDGE_DATABASE_URL",
    )  # fmt: skip

    agent_database_url: SecretStr | None = Field(None, description="the agent's database, where it is another one")
    business_database_url: SecretStr | None = Field(None, description="business data, where they are elsewhere")
    knowledge_database_url: SecretStr | None = Field(None, description="the company's texts, where they are elsewhere")
    media_url: str = Field("file:///tmp/whatsapp-agent-media", description="object store of customers' files")
    backup_url: str = Field(..., description="object store of backups: file:///…, s3://…")
    backup_recipient: str = Field("", description="age public key, age1…: backups are encrypted for its private key")
    backup_key_file: Path | None = Field(None, description="file with the age private key; for a restore only")
    backup_days: float = Field(30, ge=0, description="backups are deleted after so long; the newest stays; 0: never")

    def databases(self) -> dict[str, str]:
        """Return the addresses of the databases by name, in the order of their dumps.

        The agent's comes before the gateway's: an agent newer than the gateway would be asked again for turns that it
        has answered. Of names of one database the last one counts, that of the role which may read most.
        """
        named = {
            "knowledge": self.knowledge_database_url, "agent": self.agent_database_url,
            "business": self.business_database_url, "gateway": self.database_url,
        }  # fmt: skip
        return {name: url.get_secret_value() for name, url in named.items() if url is not None}


class DrillSettings(BackupSettings):
    """The settings of a drill: besides the backup and its private key, a server to restore into, and the tombstones."""

    secrets: ClassVar[tuple[str, ...]] = (*BackupSettings.secrets, "DRILL_SERVER_URL", "TOMBSTONE_KEY")

    drill_server_url: SecretStr = Field(
        ..., description="superuser of a Postgres for drills alone: databases drill_… are made there and dropped"
    )
    tombstone_key: SecretStr | None = Field(None, description="key of the hashes of erased people")
    tombstone_url: str | None = Field(None, description="object store of tombstones; unset: MEDIA_URL")
