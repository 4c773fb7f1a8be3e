"""The business numbers of this gateway: from the environment's short form, and from files that may change."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from gateway.numbers.hours import KnownContext
from gateway.numbers.quiet_period import QuietPeriod
from gateway.numbers.signers import Signers, SigningNumber
from gateway.whatsapp.errors import InvalidMessage
from gateway.whatsapp.messages.messages import as_reply
from gateway.whatsapp.messages.templates import template

log = structlog.get_logger(__name__)

_CHECK_SECONDS = 1.0  # between two checks of the files
# Messages a second: Meta gives 20, 80 or 1,000 (reference/throughput); slower than one in ten seconds is a mistake.
_MIN_PER_SECOND, _MAX_PER_SECOND = 0.1, 1000
# A stranger may try tokens at the webhook's address, where a short one would be guessed.
MIN_VERIFY_TOKEN = 16
ALL_SECRETS = frozenset({"access_token", "app_secrets", "verify_token"})

Version = tuple[tuple[int, int], ...]


class FallbackTemplate(BaseModel):
    """The approved template that is sent instead of a reply after Meta's 24-hour window has closed.

    parameters: the values of its body, in order or by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    language: str = Field(min_length=1)
    parameters: tuple[str, ...] | Mapping[str, str] = ()

    @model_validator(mode="after")
    def _can_be_sent(self) -> FallbackTemplate:
        try:
            self.reply()
        except InvalidMessage as error:
            raise ValueError(str(error)) from None
        return self

    def reply(self) -> dict[str, Any]:
        """Return the template as a reply of the run contract."""
        return as_reply(template(self.name, self.language, self.parameters))


class Channel(BaseModel):
    """A business number, its credentials, and the assistant that answers on it.

    In a channels file: `{"channels": [{"phone_number_id": "…", "access_token": "…", "app_secrets": ["…"], …}]}`.
    There each secret may be a file in the same folder instead: `access_token_file`, `app_secrets_file`
    (comma-separated, the current one first), `verify_token_file`. Secrets that the process does not use are empty here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    phone_number_id: str = Field(min_length=1)
    waba_id: str | None = None
    access_token: SecretStr = SecretStr("")
    app_secrets: tuple[SecretStr, ...] = ()
    verify_token: SecretStr | None = None
    assistant: str = "agent"
    locale: str = "pt_BR"
    context: Mapping[str, Any] = Field(default_factory=dict)  # passed on to the agent as it is
    quiet_period_seconds: float | None = None
    messages_per_second: float = Field(80, ge=_MIN_PER_SECOND, le=_MAX_PER_SECOND, allow_inf_nan=False)
    fallback_template: FallbackTemplate | None = None

    @property
    def signed_by(self) -> list[str]:
        """Return the secrets that may sign webhooks of this number; without one no webhook is accepted."""
        return [value for secret in self.app_secrets if (value := secret.get_secret_value())]

    def quiet(self, default: QuietPeriod) -> QuietPeriod:
        """Return how long a customer has to be quiet on this number."""
        if self.quiet_period_seconds is None:
            return default
        return QuietPeriod(self.quiet_period_seconds, max(self.quiet_period_seconds, default.at_most))

    @field_validator("context")
    @classmethod
    def _can_be_used(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            KnownContext.model_validate(value)
        except ValidationError as error:
            raise ValueError(_first_line(error)) from None
        return value

    @field_validator("verify_token")
    @classmethod
    def _cannot_be_guessed(cls, value: SecretStr | None) -> SecretStr | None:
        return hard_to_guess(value)

    @field_validator("access_token")
    @classmethod
    def _fits_a_header(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value().strip()
        if not (token and token.isascii() and token.isprintable()):
            raise ValueError("an access token is printable ASCII")
        return SecretStr(token)


def hard_to_guess(token: SecretStr | None) -> SecretStr | None:
    """Return a verify token. Raises ValueError, with the way to a better one, if it is too short; "" means none."""
    if token is not None and 0 < len(token.get_secret_value()) < MIN_VERIFY_TOKEN:
        raise ValueError(
            f"a verify token has at least {MIN_VERIFY_TOKEN} characters: make one with `openssl rand -hex 16`, "
            "and set it here and in Meta's webhook form"
        )
    return token


class Channels:
    """All channels by phone number id; files are read again when they change.

    A file that is missing, cannot be read or is invalid leaves its last good content in force and is named in
    `problems`; the same holds for a single invalid channel of a file, while the others are used. Where there are
    several files, one that never existed is no problem: it may come later.

    secrets: the fields that the process uses; the others are not demanded, and not kept where a file has them.
    """

    def __init__(
        self,
        fixed: Iterable[Channel] = (),
        files: Sequence[Path] = (),
        clock: Callable[[], float] = time.monotonic,
        secrets: Collection[str] = ALL_SECRETS,
    ) -> None:
        self._fields = frozenset(secrets)
        self._fixed = {channel.phone_number_id: channel for channel in fixed}
        self._files: dict[Path, dict[str, Channel]] = {path: {} for path in files}
        self._parts: dict[Path, tuple[Path, ...]] = {path: (path,) for path in files}  # each with its secrets' files
        self._seen: dict[Path, Version] = {}
        self._clock = clock
        self._check_at = float("-inf")
        self._all = dict(self._fixed)
        self._secrets = _secrets(self._all.values())
        self._signers = _signers(self._all.values())
        self.problems: dict[str, str] = {}

    def all(self) -> dict[str, Channel]:
        """Return the current channels."""
        if self._files and self._clock() >= self._check_at:
            self._check_at = self._clock() + _CHECK_SECONDS
            changed = [self._refresh(path) for path in self._files]
            if any(changed):
                self._all = dict(self._fixed)
                for channels in self._files.values():
                    self._all.update(channels)
                self._secrets = _secrets(self._all.values())
                self._signers = _signers(self._all.values())
        return self._all

    def get(self, phone_number_id: str | None) -> Channel | None:
        """Return the channel of a number, or None where it is not configured here."""
        return self.all().get(phone_number_id or "")

    def app_secrets(self) -> list[str]:
        """Return every secret that may sign a webhook, each once."""
        self.all()
        return self._secrets

    def signers(self) -> Signers:
        """Return which secret signs for which number, as it is now."""
        self.all()
        return self._signers

    def verify_tokens(self) -> list[str]:
        """Return every token that may verify the webhook, each once."""
        every = (c.verify_token.get_secret_value() for c in self.all().values() if c.verify_token)
        return list(dict.fromkeys(token for token in every if token))

    def _refresh(self, path: Path) -> bool:
        try:
            if self._seen.get(path) == _version(self._parts[path]):
                return False
            channels, parts, refused = _read(path, self._files[path], self._fields)
            version = _version(parts)
        except OSError as error:
            if self._may_come_later(path, error):
                return False
            what = "cannot be read" if error.filename == str(path) else f"names {error.filename}, which cannot be read"
            return self._keep(path, f"{what}: {error.strerror}")
        except ValueError as error:
            return self._keep(path, f"is no channels file: {_first_line(error)}")
        self._seen[path], self._parts[path] = version, parts
        self._files[path] = channels
        if refused:
            self._keep(path, f"has channels that cannot be used: {'; '.join(refused)}")
        else:
            self.problems.pop(str(path), None)
        log.info("channels_read", file=str(path), channels=len(channels))
        return True

    def _may_come_later(self, path: Path, error: OSError) -> bool:
        """Return whether a file may be missing for now: the operator's, for example, before a number is declared."""
        missing = isinstance(error, FileNotFoundError) and error.filename == str(path)
        return missing and len(self._files) > 1 and path not in self._seen

    def _keep(self, path: Path, problem: str) -> bool:
        if self.problems.get(str(path)) != problem:
            log.warning("channels_file", file=str(path), problem=problem, consequence="its last good content stays")
        self.problems[str(path)] = problem
        return False


def _secrets(channels: Iterable[Channel]) -> list[str]:
    return list(dict.fromkeys(secret for channel in channels for secret in channel.signed_by))


def _signers(channels: Iterable[Channel]) -> Signers:
    return Signers(SigningNumber(one.phone_number_id, one.waba_id, one.signed_by) for one in channels)


def _version(parts: Iterable[Path]) -> Version:
    return tuple((stat.st_mtime_ns, stat.st_ino) for stat in (part.stat() for part in parts))


def _read(
    path: Path, before: Mapping[str, Channel], fields: Collection[str]
) -> tuple[dict[str, Channel], tuple[Path, ...], list[str]]:
    """Return the channels of a file, all files that their content came from, and the invalid entries with the reason.

    An invalid entry is replaced by the previous channel of its number, if there is one.
    """
    content = orjson.loads(path.read_bytes())
    listed = content.get("channels") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise ValueError('expected {"channels": [...]}')  # noqa: TRY004  # wrong content, not a wrong call
    parts = [path]
    channels: dict[str, Channel] = {}
    refused = []
    for place, entry in enumerate(listed):
        try:
            channel = Channel.model_validate(_with_secrets(entry, path.parent, parts, fields))
        except ValidationError as error:
            number = str(entry.get("phone_number_id")) if isinstance(entry, dict) else ""
            refused.append(f"{number or f'channels.{place}'}: {_first_line(error)}")
            channels |= {number: before[number]} if number in before else {}
        else:
            channels[channel.phone_number_id] = channel
    return channels, tuple(parts), refused


def _with_secrets(entry: object, folder: Path, parts: list[Path], fields: Collection[str]) -> object:
    """Return a channel's entry with the secrets of these fields, instead of the files that it names, and no others.

    Add those files to `parts`.
    """
    if not isinstance(entry, dict):
        return entry
    found = {name: value for name, value in entry.items() if name not in ALL_SECRETS - set(fields)}
    for field in sorted(ALL_SECRETS):
        if (name := found.pop(f"{field}_file", None)) is None or field not in fields:
            continue
        parts.append(folder / str(name))
        text = parts[-1].read_text().strip()
        found[field] = [secret.strip() for secret in text.split(",")] if field == "app_secrets" else text
    if "access_token" in fields:  # without it a number is of no use to a process that calls Meta
        found.setdefault("access_token", "")
    return found


def _first_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):  # its own text would show the input, that is, the tokens
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].removeprefix('Value error, ')}"
    return str(error).splitlines()[0]
