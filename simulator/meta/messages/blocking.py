"""Who the business does not want to hear from.

Source: docs/whatsapp/cloud-api/block-users. Of a request that fails in part Meta lists both parts beside the error.
"""

from simulator.json_type import Json
from simulator.meta.messages.rules import window_open
from simulator.meta.world import Number, World


def block(world: World, number: Number, users: list[str], *, adding: bool) -> tuple[list[Json], list[Json]]:
    """Block or unblock; gives whom it worked for, and whom not (only who wrote in 24 hours can be blocked)."""
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
