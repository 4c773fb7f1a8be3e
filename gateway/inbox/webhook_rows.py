"""The rows of a webhook's body, within bounds: the work and the memory of one body grow with its length alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import structlog

from gateway.numbers.signers import Signers, digest
from gateway.runtime.telemetry import ERRORS
from gateway.store.inbox.events import Row, row
from gateway.whatsapp.json_bytes import decode
from gateway.whatsapp.webhooks.items import Item, each_item, whole

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rows:
    """The result of one body. signer: names the secret that signed it; refused: items for which it does not sign."""

    kept: list[Row]
    refused: int
    signer: str


@dataclass(frozen=True, slots=True)
class RowBounds:
    """The items of one body, and the bytes of their rows; a body beyond them is one unknown item."""

    items: int = 5_000
    bytes: int = 8_000_000


class _BeyondBoundsError(Exception):
    pass


def rows(body: bytes, secret: str, signers: Signers, bounds: RowBounds) -> Rows:
    """Return the rows of a body: one for each item, or a single one where they are too many or too large.

    Raises:
        ValueError: The body is not JSON.
    """
    payload, signer = decode(body), digest(secret)
    try:
        return _rows(each_item(payload), signer, signers, bounds)
    except _BeyondBoundsError:
        ERRORS.labels("webhook_bounds").inc()
        log.warning("webhook_beyond_bounds", items=bounds.items, bytes=bounds.bytes, consequence="one unknown event")
        return _rows([whole(payload)], signer, signers, None)


def _rows(items: Iterable[Item], signer: str, signers: Signers, bounds: RowBounds | None) -> Rows:
    kept: list[Row] = []
    size = refused = 0
    for item in items:
        signed = _signed(item, signer, signers)
        made = row(signed or item)
        size += len(made.raw)
        if bounds and (len(kept) + refused >= bounds.items or size > bounds.bytes):
            raise _BeyondBoundsError
        if signed is None:
            refused += 1
        else:
            kept.append(made)
    return Rows(kept, refused, signer)


def _signed(item: Item, signer: str, signers: Signers) -> Item | None:
    """Return an item with its signer, as it is kept; None: this secret does not sign for its number."""
    allowed = signers.may_sign(signer, item.phone_number_id, item.waba_id)
    if allowed is False:
        return None
    # The number is not known yet, and so it is not known which copy of an item is the true one: each is kept.
    key = item.key if allowed else f"{item.key}@{signer}"
    return replace(item, key=key, signer=signer, verified=bool(allowed))
