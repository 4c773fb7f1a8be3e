"""The places of the console, in the order in which the navigation shows them."""

from __future__ import annotations

from gateway.console.rendering.pages import Place
from gateway.store.people.people import Role

NAVIGATION = (
    Place("/console/", "inbox.title", "inbox", Role.VIEWER),
    Place("/console/canned", "canned.title", "template", Role.ATTENDANT),
    Place("/console/knowledge", "knowledge.title", "book", Role.ATTENDANT),
    Place("/console/people", "admin.people.title", "people", Role.MANAGER),
    Place("/console/data-requests", "admin.data.title", "key", Role.ADMIN, counts=True),
    Place("/console/audit", "admin.audit.title", "audit", Role.ADMIN),
)
