"""The texts that shape the agent, as files that anyone can edit: ``persona.md`` and ``texts.toml``.

In the Markdown files ``$name`` stands for what the code fills in; a name that it does not know is an error at start.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from string import Template

from graph.context import Context

FOLDER = Path(__file__).parent
PERSONA = Template((FOLDER / "persona.md").read_text(encoding="utf-8"))
TEXTS: dict[str, str] = tomllib.loads((FOLDER / "texts.toml").read_text(encoding="utf-8"))

PERSONA.substitute(customer="", today="")  # fail at start, not at the first message


def system_prompt(context: Context, today: date) -> str:
    """The instructions of a run. What changes stands at the end, so that the provider can cache the rest."""
    name = " ".join((context.customer_name or "").split())[:80]
    return PERSONA.substitute(customer=name or "não informado", today=f"{today:%d/%m/%Y}")
