"""Errors that a person is told about, each with an HTTP status and a Chinese text.

    DomainError ──┬── Invalid      a value was not acceptable; names the field
                  ├── NotFound     does not exist, or belongs to a department out of reach
                  ├── Stale        was changed by somebody else in between
                  └── Temporary    may work later; a job is tried again

Packages derive their own classes from these, in the module that raises them. A text may name facts
in braces, as in str.format.
"""

from typing import Any


class DomainError(Exception):
    """A request that is refused by a rule of the product, not by a mistake of the program.

    `text` is shown to the person who asked, `facts` are logged. `status` is the HTTP status.
    """

    status = 409
    text = "操作未完成，请稍后再试。"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.text.format(**facts))
        self.facts = facts


class Invalid(DomainError):
    """A value that breaks a rule of its field.

    `field` is the name of the field as the caller knows it (of a form, a YAML key, a column),
    `problem` a Chinese sentence.
    """

    status = 422
    text = "{field}：{problem}"

    def __init__(self, *, field: str, problem: str, **facts: object) -> None:
        super().__init__(field=field, problem=problem, **facts)
        self.field = field
        self.problem = problem


class NotFound(DomainError):
    """Does not exist for this person.

    Also raised for what lies outside the person's permissions: an answer "forbidden" would tell
    that it exists.
    """

    status = 404
    text = "没有找到您要的内容。"


class Stale(DomainError):
    """Somebody else changed the object since the person opened its form (optimistic locking).

    `thing` is what the page calls the object, in Chinese. `author` and `version` tell who was first
    and with which version, where that is known. `newest` is the object as it is now, for pages that
    show both; None when it is gone, or when the change was noticed only at the flush. `text`
    replaces the sentence and may name the facts in braces.
    """

    text = "{thing}刚被其他人修改过，请刷新后重试。"

    def __init__(
        self,
        thing: str = "内容",
        *,
        text: str | None = None,
        author: str | int | None = None,
        version: int | None = None,
        newest: Any = None,
        **facts: object,
    ) -> None:
        if text is not None:
            self.text = text
        super().__init__(thing=thing, author=author, version=version, **facts)
        self.newest = newest


class Temporary(DomainError):
    """Failed now and may work later.

    `retry_after` is in seconds; None means the usual exponential backoff of `config.jobs`.
    """

    status = 503
    text = "系统繁忙，请稍后再试。"

    def __init__(self, *, retry_after: float | None = None, **facts: object) -> None:
        super().__init__(**facts)
        self.retry_after = retry_after
