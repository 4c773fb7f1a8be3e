"""All that the cluster declares, as far as one resource has to know of the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from k8s.declared import Number, Template

Key = tuple[str, str]  # namespace and name


class Declarations:
    """The declared numbers and templates, those being deleted left out.

    Each comes with the moment of its creation: where two declare the same thing at Meta, the first one has it.
    """

    def __init__(
        self, numbers: Mapping[Key, tuple[str, Number]], templates: Mapping[Key, tuple[str, Template]]
    ) -> None:
        self._numbers, self._templates = numbers, templates

    def number(self, namespace: str, name: str) -> Number | None:
        """Give a number; None where there is none of that name."""
        return self._numbers[namespace, name][1] if (namespace, name) in self._numbers else None

    def ids(self, namespace: str) -> list[str]:
        """Phone number ids that a namespace declares."""
        return [number.phone_number_id for (where, _), (_, number) in self._numbers.items() if where == namespace]

    def of_account(self, waba_id: str) -> dict[str, Number]:
        """Numbers of an account by `namespace/name`."""
        numbers = {f"{ns}/{name}": number for (ns, name), (_, number) in self._numbers.items()}
        return {key: number for key, number in numbers.items() if number.business_account_id == waba_id}

    def first_number(self, phone_number_id: str) -> str | None:
        """Who declares this number, as `namespace/name`; the first of several."""
        found = self._numbers.items()
        return _first((since, *key) for key, (since, number) in found if number.phone_number_id == phone_number_id)

    def first_template(self, waba_id: str, name: str, language: str) -> str | None:
        """Who declares this template of an account, as `namespace/name`; the first of several."""
        named = (
            (key, held) for key, held in self._templates.items() if (held[1].name, held[1].language) == (name, language)
        )
        return _first((since, *key) for key, (since, template) in named if self._account(key, template) == waba_id)

    def _account(self, key: Key, template: Template) -> str | None:
        number = self.number(key[0], template.number_ref.name)
        return number.business_account_id if number else None


def _first(found: Iterable[tuple[str, str, str]]) -> str | None:
    first = min(found, default=None)
    return f"{first[1]}/{first[2]}" if first else None
