"""The log lines of LangGraph Server, which would quote the words of exceptions: a provider's 400, a ValidationError."""

from __future__ import annotations

from typing import Any

import structlog

from graph.exception_shapes import shape_of_exception


def leave_out_the_words_of_exceptions() -> None:
    """Have every line of this process pass `shape_of_exception`, where the server would write a traceback.

    The server has configured its loggers already, in each edition by a file of its own; the loggers keep the lists of
    their processors (langgraph-api 0.16). So the lists are changed in place. A second call changes nothing.
    """
    # Imported here, because the import configures the logging of its process, which only the server wants.
    from langgraph_api.logging import shared_processors  # type: ignore[import-untyped]

    configured: list[Any] = structlog.get_config()["processors"]
    for processors in (configured, shared_processors):
        for place, processor in enumerate(processors):
            if processor is structlog.processors.format_exc_info:
                processors[place] = shape_of_exception
