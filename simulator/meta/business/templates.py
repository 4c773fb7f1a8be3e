"""Message templates at Meta: their content, the state of their review, and their edits."""

import itertools
import re
from dataclasses import dataclass, field

from simulator.json_type import Json
from simulator.meta.errors import INVALID_PARAMETER, GraphError

# docs/whatsapp/business-management-api/message-templates: statuses and quality scores
STATUSES = (
    "APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "PENDING_DELETION", "DELETED",
    "LIMIT_EXCEEDED", "ARCHIVED",
)  # fmt: skip
QUALITIES = ("GREEN", "YELLOW", "RED", "UNKNOWN")
EDITABLE_STATUSES = ("APPROVED", "REJECTED", "PAUSED")
# docs/whatsapp/message-templates/guidelines: editing
MAX_EDITS_A_DAY, MAX_EDITS_A_MONTH = 1, 10
DAY_SECONDS, MONTH_SECONDS = 24 * 3600, 30 * 24 * 3600
VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")

DUPLICATE_SUBCODE = 2388024
NOT_FOUND_SUBCODE = 2593002


@dataclass
class Template:
    """One template in one language."""

    id: str
    account_id: str
    name: str
    language: str
    category: str
    components: list[Json]
    parameter_format: str = "POSITIONAL"
    status: str = "PENDING"
    quality: str = "UNKNOWN"
    rejected_reason: str = "NONE"
    previous_category: str | None = None
    message_send_ttl_seconds: int | None = None
    pauses: int = 0
    edits: list[float] = field(default_factory=list)
    reviewed: int = 0  # number of submissions: a review of an older one is ignored

    def as_json(self) -> Json:
        """Return every field that the Graph API can show."""
        shown: Json = {
            "name": self.name,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "id": self.id,
            "quality_score": {"score": self.quality},
            "rejected_reason": self.rejected_reason,
        }
        shown |= {"previous_category": self.previous_category} if self.previous_category else {}
        ttl = self.message_send_ttl_seconds
        return shown | ({"message_send_ttl_seconds": ttl} if ttl is not None else {})

    def component(self, kind: str) -> Json | None:
        """Return the component of that type (HEADER, BODY, …), if there is one."""
        return next((one for one in self.components if one["type"].upper() == kind), None)

    def buttons(self) -> list[Json]:
        """Return the buttons, in order."""
        found = self.component("BUTTONS")
        return found["buttons"] if found else []

    def check_editable(self, changes: Json, now: float) -> None:
        """Check that these changes are allowed now. Raises GraphError."""
        if self.status not in EDITABLE_STATUSES:
            raise refused(
                "This template cannot be edited", f"Only templates that are {', '.join(EDITABLE_STATUSES)} can be."
            )
        if self.status == "APPROVED" and changes.get("category", self.category) != self.category:
            raise refused("Category cannot be changed", "The category of an approved template cannot be edited.")
        day = [at for at in self.edits if at > now - DAY_SECONDS]
        month = [at for at in self.edits if at > now - MONTH_SECONDS]
        if self.status == "APPROVED" and (len(day) >= MAX_EDITS_A_DAY or len(month) >= MAX_EDITS_A_MONTH):
            limits = f"{MAX_EDITS_A_DAY} time in 24 hours and {MAX_EDITS_A_MONTH} times in 30 days"
            raise refused("Template was edited too often", f"An approved template can be edited {limits}.")


class TemplateStore:
    """The templates of all accounts."""

    def __init__(self) -> None:
        self._ids = itertools.count(1_000_000_000_000_001)
        self._templates: dict[str, Template] = {}

    def clear(self) -> None:
        """Remove everything; ids are not used again."""
        self._templates.clear()

    def add(self, account_id: str, content: Json) -> Template:
        """Add a template. Raises GraphError when the account has it in this language."""
        same = [
            one for one in self.of(account_id) if one.name == content["name"] and one.language == content["language"]
        ]
        if same:
            title = "Content in This Language Already Exists"
            text = f"There is already {content['language']} content for this template. You can create a new template."
            raise refused(title, text, DUPLICATE_SUBCODE)
        template = Template(id=str(next(self._ids)), account_id=account_id, **content)
        self._templates[template.id] = template
        return template

    def get(self, template_id: str) -> Template | None:
        """Return the template of that id."""
        return self._templates.get(template_id)

    def of(self, account_id: str) -> list[Template]:
        """Return the account's templates, newest first."""
        return [one for one in reversed(self._templates.values()) if one.account_id == account_id]

    def find(self, account_id: str, name: str, language: str) -> Template | None:
        """Return the account's template of that name and language."""
        found = (one for one in self.of(account_id) if (one.name, one.language) == (name, language))
        return next(found, None)

    def remove(self, account_id: str, name: str, template_id: str | None) -> list[Template]:
        """Delete by name (all languages), or by name and id. Raises GraphError when there is none."""
        named = [one for one in self.of(account_id) if one.name == name and template_id in (None, one.id)]
        if not named:
            raise refused("Message Template Not Found", "There is no template of this name and id.", NOT_FOUND_SUBCODE)
        for one in named:
            del self._templates[one.id]
        return named


def refused(title: str, text: str, subcode: int | None = None) -> GraphError:
    """Return Meta's answer to a template that it refuses."""
    return GraphError(INVALID_PARAMETER, title="Invalid parameter", subcode=subcode, user=(title, text))


def variables(text: str) -> list[str]:
    """Return the names (or numbers) of the variables in a text, each once, in order."""
    return list(dict.fromkeys(VARIABLE.findall(text)))


STARTER_TEMPLATES: list[Json] = [
    {
        "name": "hello_world",  # every test account at Meta has this template
        "language": "en_US",
        "category": "UTILITY",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Hello World"},
            {
                "type": "BODY",
                "text": "Welcome and congratulations!! This message demonstrates your ability to send one.",
            },
            {"type": "FOOTER", "text": "WhatsApp Business Platform sample message"},
        ],
    },
    {
        "name": "retomar_atendimento",
        "language": "pt_BR",
        "category": "UTILITY",
        "components": [
            {"type": "BODY", "text": "Olá! Temos uma resposta para o seu atendimento. Podemos continuar por aqui?"},
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Continuar"}]},
        ],
    },
]
