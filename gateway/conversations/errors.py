"""Why an operation on a conversation was not carried out. Nothing was changed."""

from __future__ import annotations

from gateway.store.desk.standing import Standing


class NoConversationError(LookupError):
    """There is no such conversation, or the person does not see its department."""


class ConversationError(Exception):
    """The conversation is not as the person thinks. standing: as it is."""

    def __init__(self, sentence: str, standing: Standing) -> None:
        super().__init__(sentence)
        self.standing = standing


class ChangedError(ConversationError):
    """Somebody changed the conversation since the person saw it."""


class TakenByOtherError(ChangedError):
    """A colleague has the conversation: `winner` is the name, `standing.version` the version to take it over by."""

    def __init__(self, standing: Standing) -> None:
        super().__init__("another person has the conversation", standing)
        self.winner = standing.assignee_name or ""


class NotHolderError(ConversationError):
    """Only the person who has the conversation may do this."""


class NewerMessageError(ConversationError):
    """The customer wrote since. newest: the `seq` of that message, by which the person confirms to have seen it."""

    def __init__(self, standing: Standing, newest: int) -> None:
        super().__init__("the customer has written since", standing)
        self.newest = newest


class UnseenDepartmentError(ConversationError):
    """The person who is to have the conversation does not see its department. name: the person's."""

    def __init__(self, standing: Standing, name: str) -> None:
        super().__init__("the person does not see the conversation's department", standing)
        self.name = name
