"""The tokens that a turn's model calls used, as the providers count them."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.messages.ai import UsageMetadata

from graph.contract.state import Usage
from graph.model.answer import bounded


def usage_of(messages: Sequence[AnyMessage]) -> Usage | None:
    """Return the usage of the answers in these messages; None where no model was asked, or none counts."""
    answers = [message for message in messages if isinstance(message, AIMessage)]
    counts = [message.usage_metadata for message in answers if message.usage_metadata]
    if not counts:
        return None
    names = [name for message in answers if (name := message.response_metadata.get("model_name"))]
    return Usage(
        model=str(names[-1]) if names else "",
        tokens_in=sum(bounded(count["input_tokens"]) for count in counts),
        tokens_out=sum(bounded(count["output_tokens"]) for count in counts),
        cached=sum(bounded(_cached(count)) for count in counts),
    )


def added(*used: Usage | None) -> Usage | None:
    """Return the sum of usages, under the last one's model; None where there is none."""
    counts = [one for one in used if one]
    if not counts:
        return None
    return Usage(
        model=next((one["model"] for one in reversed(counts) if one["model"]), ""),
        tokens_in=sum(one["tokens_in"] for one in counts),
        tokens_out=sum(one["tokens_out"] for one in counts),
        cached=sum(one["cached"] for one in counts),
    )


def _cached(count: UsageMetadata) -> int:
    return (count.get("input_token_details") or {}).get("cache_read") or 0
