"""The base of all requests that Meta and the control API check field by field."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A part of a request; a field that it does not know is an error."""

    model_config = ConfigDict(extra="forbid")
