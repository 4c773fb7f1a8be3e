"""All declarations of the cluster, as far as the cycle of one resource needs the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

from k8s.model.declared import Number, Template

ResourceKey = tuple[str, str]  # namespace and name
T = TypeVar("T")


class Entry(NamedTuple, Generic[T]):
    """The declaration of one resource; since: when it was created, as Kubernetes writes it."""

    since: str
    declared: T
    being_deleted: bool = False


class Declarations:
    """The declared numbers and templates. Those that are being deleted count for nothing but their own deletion.

    Where two declare the same number or template, the one that was created first owns it.
    """

    def __init__(
        self, numbers: Mapping[ResourceKey, Entry[Number]], templates: Mapping[ResourceKey, Entry[Template]]
    ) -> None:
        self._all_numbers, self._all_templates = numbers, templates
        self._numbers = {key: entry for key, entry in numbers.items() if not entry.being_deleted}
        self._templates = {key: entry for key, entry in templates.items() if not entry.being_deleted}

    def number(self, namespace: str, name: str, *, being_deleted: bool = False) -> Number | None:
        """Return a number; None where none has that name. being_deleted: also one that is being deleted."""
        found = (self._all_numbers if being_deleted else self._numbers).get((namespace, name))
        return found.declared if found else None

    def to_be_deleted_first(self, namespace: str, name: str, *, including_kept: bool) -> str | None:
        """Return the name of a template that has to be deleted at Meta before this number.

        including_kept: also one that is not being deleted, but would have to be deleted at Meta if it were.
        """
        for (where, template), (_, declared, being_deleted) in self._all_templates.items():
            refers = (where, declared.number_ref.name) == (namespace, name)
            if refers and declared.deletion_policy == "Delete" and (being_deleted or including_kept):
                return template
        return None

    def ids(self, namespace: str) -> list[str]:
        """Return the phone number ids that a namespace declares."""
        return [number.phone_number_id for (where, _), (_, number, _) in self._numbers.items() if where == namespace]

    def of_account(self, waba_id: str) -> dict[str, Number]:
        """Return the numbers of an account by `namespace/name`."""
        numbers = {f"{ns}/{name}": number for (ns, name), (_, number, _) in self._numbers.items()}
        return {key: number for key, number in numbers.items() if number.business_account_id == waba_id}

    def first_number(self, phone_number_id: str) -> str | None:
        """Return the first resource that declares this number, as `namespace/name`."""
        found = self._numbers.items()
        return _first((since, *key) for key, (since, number, _) in found if number.phone_number_id == phone_number_id)

    def first_template(self, waba_id: str, name: str, language: str) -> str | None:
        """Return the first resource that declares this template of an account, as `namespace/name`."""
        named = (
            (key, held)
            for key, held in self._templates.items()
            if (held.declared.name, held.declared.language) == (name, language)
        )
        return _first((since, *key) for key, (since, template, _) in named if self._account(key, template) == waba_id)

    def _account(self, key: ResourceKey, template: Template) -> str | None:
        number = self.number(key[0], template.number_ref.name)
        return number.business_account_id if number else None


def _first(found: Iterable[tuple[str, str, str]]) -> str | None:
    first = min(found, default=None)
    return f"{first[1]}/{first[2]}" if first else None
