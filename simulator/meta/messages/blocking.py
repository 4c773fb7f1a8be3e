"""The users that the business has blocked.

Source: docs/whatsapp/cloud-api/block-users. For a request that fails in part Meta lists both parts next to the error.
"""

from simulator.json_type import Json
from simulator.meta.messages.rules import window_open
from simulator.meta.world import Number, World


def block(world: World, number: Number, users: list[str], *, adding: bool) -> tuple[list[Json], list[Json]]:
    """Block or unblock; return the users done and those failed (blocking needs a message of the last 24 hours)."""
    done, failed = [], []
    for one in users:
        persona = world.find_persona(one)
        if persona is None or (adding and not window_open(number, persona, world.clock.now())):
            failed.append({"input": one})
            continue
        known = persona.wa_id in number.blocked
        if adding and not known:
            number.blocked.append(persona.wa_id)
        if not adding and known:
            number.blocked.remove(persona.wa_id)
        done.append({"input": one, "wa_id": persona.wa_id})
    return done, failed
