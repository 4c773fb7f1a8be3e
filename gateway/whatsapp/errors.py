"""The classes of errors, which decide about retries. `error_codes` maps Meta's codes to them, `refusals` its answers.

Temporary: it did not go out; the same message may be sent again after `retry_after` seconds.
Uncertain: it may already be out; sending again could deliver it twice.
Permanent: sending the same again fails the same way.
AccountBlocked: no message of this number or account goes out until a person acts; what waits is kept.

Besides, each error has a scope: what it is about. Only AccountBlocked stops more than one message, and it is given to
codes about a number or an account only; an error about one recipient never stops others.

The text of an error holds our words and Meta's numbers only: what Meta writes can quote tokens ("Malformed access token
EAAB...") and parameters. Meta's own words are in `title` and `details`, for storage next to the message, not for logs.
"""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """The thing that an error is about. ACCOUNT: the WhatsApp Business Account, or the access token."""

    MESSAGE = "message"
    RECIPIENT = "recipient"
    NUMBER = "number"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Cause:
    """The error object of an answer of Meta or of a failed status.

    title and details are Meta's words: never for logs. meaning is ours, for known codes.
    """

    code: int | None = None
    subcode: int | None = None
    title: str | None = None
    details: str | None = None
    fbtrace_id: str | None = None
    http_status: int | None = None


class WhatsAppError(Exception):
    """Base of all errors. `cause` holds Meta's answer, `meaning` our words for it, `scope` what it is about."""

    def __init__(
        self,
        meaning: str,
        cause: Cause | None = None,
        *,
        retry_after: float | None = None,
        scope: Scope = Scope.MESSAGE,
    ) -> None:
        self.meaning = meaning
        self.scope = scope
        self.cause = cause or Cause()
        self.retry_after = retry_after
        super().__init__(meaning)

    @property
    def code(self) -> int | None:
        """Meta's error code, None where the answer had none."""
        return self.cause.code

    @property
    def subcode(self) -> int | None:
        """Meta's error_subcode."""
        return self.cause.subcode

    @property
    def title(self) -> str | None:
        """Meta's title or message: may quote parameters, keep out of logs."""
        return self.cause.title

    @property
    def details(self) -> str | None:
        """Meta's error_data.details: may quote parameters, keep out of logs."""
        return self.cause.details

    @property
    def fbtrace_id(self) -> str | None:
        """The id that Meta's support asks for."""
        return self.cause.fbtrace_id

    def __str__(self) -> str:
        numbers = {
            "code": self.code,
            "subcode": self.subcode,
            "http": self.cause.http_status,
            "fbtrace_id": self.fbtrace_id,
        }
        known = ", ".join(f"{name} {value}" for name, value in numbers.items() if value is not None)
        return f"{self.meaning} ({known})" if known else self.meaning

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class Temporary(WhatsAppError):  # noqa: N818 - the name says what to do, here and below
    """Refused for now, not sent: the same may be sent again after `retry_after` seconds (None: the caller's choice)."""


class PairLimited(Temporary):
    """Too many messages to this one customer (131056): back off 4^n seconds for this pair only."""


class NotSent(Temporary):
    """The request never left: no connection could be opened. Safe to send again."""


class Uncertain(WhatsAppError):  # noqa: N818
    """The request may have been carried out. Do not resend before an echo of our id was waited for."""


class Permanent(WhatsAppError):  # noqa: N818
    """The same message would be refused again."""


class WindowClosed(Permanent):
    """More than 24 hours since the customer's last message (131047): only a template goes out now."""


class InvalidMessage(Permanent):
    """A message of ours breaks a limit of the Cloud API and was not sent.

    field: which (`interactive.body.text`); limit and length: in characters or elements, None where it is not a size.
    """

    def __init__(self, field: str, problem: str, *, limit: int | None = None, length: int | None = None) -> None:
        self.field, self.limit, self.length = field, limit, length
        super().__init__(f"{field}: {problem}")


class MediaExpired(Permanent):
    """The address or the id of a medium no longer works. For seven days its id gives a new address."""


class MediaTooLarge(Permanent):
    """A medium is larger than the caller takes; limit: in bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The medium is larger than {limit} bytes.")


class TemplateError(Permanent):
    """The template or its parameters are at fault (132xxx)."""


class AccountBlocked(WhatsAppError):  # noqa: N818
    """The number, or the account (by its scope), cannot send until a person acts: token, permission, payment, ban."""
