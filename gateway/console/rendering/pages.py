"""Pages out of templates: `render(request, "inbox/list.html", …)`, in the person's language, theme and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
from jinja2.filters import do_filesizeformat
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.console import texts
from gateway.console.rendering.phone_numbers import shown_number
from gateway.console.rendering.times import Times
from gateway.console.routes import CSRF_FIELD, csrf_token
from gateway.console.static_files import StaticFiles
from gateway.store.people.people import Person, Role

TEMPLATES = Path(__file__).parents[1] / "templates"
_ICON = Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>')
_CSRF = Markup('<input type="hidden" name="{}" value="{}">')
_TINTS = 6  # of layout.css
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")
_MOMENTS = {"pt-BR": "%d/%m/%Y %H:%M", "en": "%Y-%m-%d %H:%M"}


@dataclass(frozen=True)
class Place:
    """A place in the navigation. text: key of its name; icon: its name in `icons.svg`; needs: a role at least.

    counts: it shows the number of decisions that wait.
    """

    path: str
    text: str
    icon: str
    needs: Role
    counts: bool = False


class Pages:
    """Shared parts of all pages: templates, static files, the navigation, the zone in which times are told."""

    def __init__(self, static: StaticFiles, navigation: Sequence[Place], zone: ZoneInfo) -> None:
        self.navigation = navigation
        self.zone = zone
        self._env = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._env.globals.update(
            static=static.address, languages=texts.LANGUAGES, initials=initials, tint=tint, browser=browser,
            icon=lambda name: _ICON.format(static.address("icons.svg"), name),
        )  # fmt: skip

    def stamp(self, language: str, at: datetime) -> str:
        """Return a time with its day, as a language writes it."""
        return at.astimezone(self.zone).strftime(_MOMENTS[language])

    def html(self, request: Request, template: str, context: dict[str, object]) -> str:
        """Return a page, or a part of one, as HTML."""
        person: Person | None = request.state.person
        language: str = request.state.language
        zone = self.zone

        def moment(at: datetime) -> Markup:
            local = at.astimezone(zone)
            shown = self.stamp(language, at)
            return Markup('<time datetime="{}">{}</time>').format(local.isoformat(timespec="seconds"), shown)

        t = texts.words(language)
        shared = {
            "t": t,
            "times": Times(zone, t),
            "language": language,
            "person": person,
            "theme": person.theme if person else None,
            "csrf_token": csrf_token(request),
            "csrf": lambda: _CSRF.format(CSRF_FIELD, csrf_token(request)),
            "moment": moment,
            "tool_name": lambda name: texts.every(language).get(f"conversation.tools.{name}", name),
            "file_size": partial(file_size, language),
            "number": lambda digits: shown_number(person, digits),
            "path": request.url.path,
            "decisions": request.state.decisions,
            "navigation": [place for place in self.navigation if person and person.may(place.needs)],
        }
        return self._env.get_template(template).render(shared | context)


def render(request: Request, template: str, status: int = 200, /, **context: object) -> HTMLResponse:
    """Return the answer that is a page; context: what the template shows, all of it as text unless it says otherwise.

    Templates also have `t(key, …)`, `person`, `language`, `csrf()` (the hidden field of a form), `static(name)`,
    `icon(name)`, `moment(time)`, `number(digits)` (hidden where it has to be), `file_size(bytes)`, `tool_name(name)`
    (a tool of the agent in words), `initials(name)` and `tint(name)`.
    """
    pages: Pages = request.app.state.pages
    return HTMLResponse(pages.html(request, template, context), status)


def initials(name: str) -> str:
    """Return one or two letters for an avatar; of a number, which has none, a sign."""
    words = [word for word in name.split() if word[0].isalpha()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def tint(name: str) -> int:
    """Return which colour a name's avatar has."""
    return sum(name.encode()) % _TINTS


def file_size(language: str, size: int) -> str:
    """Return a file's size, given in bytes, as people read it: `1,5 MB`."""
    shown = do_filesizeformat(size).replace("Byte", "byte")
    return shown.replace(".", ",") if language == "pt-BR" else shown


def browser(agent: str) -> str:
    """Return what people call a browser by its User-Agent, such as `Firefox, Linux`; nothing where it is unknown."""
    name = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((system for system in _SYSTEMS if system in agent), "")
    return ", ".join(filter(None, (name, system)))
