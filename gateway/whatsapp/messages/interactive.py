"""The interactive messages: reply buttons, lists, address buttons, flows, the request of a number."""

from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.messages import caps
from gateway.whatsapp.messages.check import address, at_most, filled, fits, unique
from gateway.whatsapp.messages.messages import Button, Buttons, Choices, ContactRequest, CtaUrl, Flow, Row, Section

Interactive = Buttons | Choices | CtaUrl | Flow | ContactRequest


def interactive(part: Interactive) -> Json:
    """Return the `interactive` object: type, body, action, and header and footer where there are some."""
    kind, limit, action = _action(part)
    rendered: Json = {"type": kind, "body": {"text": filled("interactive.body.text", part.body, limit)}}
    rendered["action"] = action
    if isinstance(part, ContactRequest):  # has neither header nor footer
        return rendered
    if part.header:
        rendered["header"] = {"type": "text", "text": fits("interactive.header.text", part.header, caps.HEADER)}
    if part.footer:
        rendered["footer"] = {"text": fits("interactive.footer.text", part.footer, caps.FOOTER)}
    return rendered


def _action(part: Interactive) -> tuple[str, int, Json]:
    """Return the interactive type, the limit of its body and its action."""
    match part:
        case Buttons():
            return "button", caps.BUTTONS_BODY, {"buttons": _buttons(part.buttons)}
        case Choices():
            button = fits(
                "interactive.action.button", filled("interactive.action.button", part.button), caps.LIST_BUTTON
            )
            return "list", caps.LIST_BODY, {"button": button, "sections": _sections(part.sections)}
        case CtaUrl():
            return "cta_url", caps.CTA_BODY, {"name": "cta_url", "parameters": _cta_url(part)}
        case Flow():
            return "flow", caps.FLOW_BODY, {"name": "flow", "parameters": _flow(part)}
        case ContactRequest():
            return "request_contact_info", caps.CONTACT_REQUEST_BODY, {"name": "request_contact_info"}


def _buttons(buttons: list[Button]) -> list[Json]:
    where = "interactive.action.buttons"
    at_most(where, buttons, caps.BUTTONS)
    unique(f"{where}.id", [button.id for button in buttons])
    unique(f"{where}.title", [button.title for button in buttons])
    return [
        {"type": "reply", "reply": _choice(f"{where}.{n}", b, caps.BUTTON_ID, caps.BUTTON_TITLE)}
        for n, b in enumerate(buttons)
    ]


def _choice(where: str, choice: Button | Row, longest_id: int, longest_title: int) -> Json:
    return {
        "id": filled(f"{where}.id", choice.id, longest_id),
        "title": filled(f"{where}.title", choice.title, longest_title),
    }


def _sections(sections: list[Section]) -> list[Json]:
    where = "interactive.action.sections"
    at_most(where, sections, caps.LIST_SECTIONS)
    rows = [row for section in sections for row in section.rows]
    at_most(f"{where}.rows", rows, caps.LIST_ROWS)
    unique(f"{where}.rows.id", [row.id for row in rows])
    return [_section(f"{where}.{n}", section, alone=len(sections) == 1) for n, section in enumerate(sections)]


def _section(where: str, section: Section, *, alone: bool) -> Json:
    at_most(f"{where}.rows", section.rows, caps.LIST_ROWS)
    rendered: Json = {"rows": [_row(f"{where}.rows.{n}", row) for n, row in enumerate(section.rows)]}
    if section.title or not alone:
        rendered["title"] = filled(f"{where}.title", section.title, caps.SECTION_TITLE)
    return rendered


def _row(where: str, row: Row) -> Json:
    rendered = _choice(where, row, caps.ROW_ID, caps.ROW_TITLE)
    if row.description:
        rendered["description"] = fits(f"{where}.description", row.description, caps.ROW_DESCRIPTION)
    return rendered


def _cta_url(part: CtaUrl) -> Json:
    where = "interactive.action.parameters"
    text = filled(f"{where}.display_text", part.text, caps.CTA_TEXT)
    return {"display_text": text, "url": address(f"{where}.url", part.url)}


def _flow(part: Flow) -> Json:
    where = "interactive.action.parameters"
    parameters: Json = {
        "flow_message_version": "3",
        "flow_id": filled(f"{where}.flow_id", part.flow_id),
        "flow_cta": filled(f"{where}.flow_cta", part.cta, caps.FLOW_CTA),
    }
    if part.token:
        parameters["flow_token"] = part.token
    if part.screen:
        # Meta refuses an empty data object.
        payload = {"screen": part.screen} | ({"data": part.data} if part.data else {})
        parameters |= {"flow_action": "navigate", "flow_action_payload": payload}
    return parameters
