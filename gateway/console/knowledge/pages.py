"""All pages about the knowledge."""

from __future__ import annotations

from gateway.console.knowledge.cases import EvaluationCases
from gateway.console.knowledge.importing import Importing
from gateway.console.knowledge.listing import Listing
from gateway.console.knowledge.marking import Marking
from gateway.console.knowledge.questions import Questions
from gateway.console.knowledge.server import KnowledgeServer
from gateway.console.knowledge.text_page import TextPage
from gateway.console.knowledge.trying import Trying
from gateway.console.knowledge.writing import Writing
from gateway.console.parts import Parts
from gateway.console.routes import Page


def knowledge_pages(parts: Parts) -> list[Page]:
    """Return the routes to mount."""
    server = KnowledgeServer(parts)
    return [
        *Listing(server).routes(),
        *Writing(parts, server).routes(),
        *TextPage(parts, server).routes(),
        *Trying(parts, server).routes(),
        *Questions(parts, server).routes(),
        *EvaluationCases(parts, server).routes(),
        *Importing(parts, server).routes(),
        *Marking(parts, server).routes(),
    ]
