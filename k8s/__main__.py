"""The operator's command: `python -m k8s`."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from k8s.handlers import run
from k8s.settings import Settings
from k8s.telemetry import configure_logging


def main() -> None:
    """Run the operator with the settings of the environment."""
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        sys.exit(f"operator: {str(first['loc'][0]).upper()}: {first['msg']} (see .env.example)")
    configure_logging(settings.log_level, settings.log_format)
    run(settings)


if __name__ == "__main__":
    main()
