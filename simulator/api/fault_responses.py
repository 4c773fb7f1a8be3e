"""The answers that faults give to calls of an API."""

from starlette.responses import JSONResponse, Response

from simulator.calls import CutConnection
from simulator.faults import BEFORE_KINDS, Faults, Place
from simulator.json_type import Json
from simulator.meta.errors import GraphError


async def fault_response(faults: Faults, place: Place, event: Json) -> Response | None:
    """Return the answer that a fault gives before anything is done, after its pause; None: the call goes on."""
    taken = faults.take(place, event, BEFORE_KINDS)
    await taken.pause()
    if "cut" in taken:
        return CutConnection()
    if fault := taken.get("error"):
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
        error = GraphError(fault.code, fault.message, status=fault.status)
        return JSONResponse(error.body(), error.status, headers)
    return None
