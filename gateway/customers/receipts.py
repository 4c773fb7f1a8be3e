"""Learn from Meta's receipt of a send by which ids it knows the customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import structlog

from gateway.customers import identity
from gateway.customers.statements import Ids, Statement, ids_of, scopes
from gateway.numbers.channels import Channel
from gateway.store.customers.contacts import Key
from gateway.store.customers.merging import TurnUnderWayError
from gateway.store.database import Pool
from gateway.whatsapp.api.client import Sent
from gateway.whatsapp.webhooks.customers import named

log = structlog.get_logger(__name__)


async def learn(
    pool: Pool, channel: Channel, to: Ids, keys: Sequence[Key], sent: Sent, silence: timedelta | None = None
) -> None:
    """Have the ids in a receipt lead to the customer; a receipt without new ids makes no request to the database.

    The message is sent and recorded already: ids that cannot be stored now are learned from the next receipt.
    silence: as in `Statement`.
    """
    receipt = ids_of(named([sent.wa_id], user_id=sent.user_id))
    told = {Key("wa_id", receipt.number or ""), Key("user_id", receipt.user_id or "")}
    if all(key in keys or not key.value for key in told):
        return
    number = channel.phone_number_id
    statement = Statement(datetime.now(UTC), number, scopes(channel, number), event_id=0, silence=silence)
    try:
        async with pool.connection() as conn, conn.transaction():
            if await identity.told_by_receipt(conn, to, receipt, statement) is None:
                log.warning("receipt_not_believed", phone_number_id=channel.phone_number_id)
    except (TurnUnderWayError, psycopg.Error) as error:
        log.info("receipt_not_learned", error=type(error).__name__)
