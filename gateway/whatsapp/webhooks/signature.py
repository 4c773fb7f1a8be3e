"""Signatures of webhook bodies (X-Hub-Signature-256)."""

import hmac
import re
from collections.abc import Sequence

PREFIX = "sha256="
_SHAPE = re.compile(r"\s*sha256=[0-9a-f]{64}\s*")


def sign(body: bytes, secret: str) -> str:
    """Return the header value that Meta sends for a body: `sha256=` and the HMAC-SHA256 of the raw bytes in hex.

    Source: developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads.
    """
    return PREFIX + hmac.digest(secret.encode(), body, "sha256").hex()


def has_shape(header: str | None) -> bool:
    """Return whether a header may be a signature at all, which is known before the body has come."""
    return header is not None and _SHAPE.fullmatch(header) is not None


def verify(body: bytes, header: str | None, secrets: Sequence[str]) -> bool:
    """Return whether a header signs these raw bytes with one of the app secrets (current and previous)."""
    return signed_with(body, header, secrets) is not None


def signed_with(body: bytes, header: str | None, secrets: Sequence[str]) -> str | None:
    """Return the secret with which a header signs these raw bytes; None: with none of them.

    An empty secret never matches, so that a forgotten setting refuses everything instead of trusting everyone.
    """
    if not header:
        return None
    # Bytes, because compare_digest refuses str outside ASCII and the header comes from outside.
    given = header.strip().encode("utf-8", "replace")
    matching = (secret for secret in secrets if secret and hmac.compare_digest(given, sign(body, secret).encode()))
    return next(matching, None)
