"""What can go wrong, said in the words of the person who asked.

    DomainError ──┬── Invalid      a value was not acceptable; names the field
                  ├── NotFound     there is no such thing, or it is somebody else's
                  ├── Stale        somebody else changed it in between
                  └── Temporary    not now; try again later

Rooms add their own classes beneath these, next to the rule that raises them. A text may name
facts in braces; the facts themselves go to the log.
"""


class DomainError(Exception):
    """A rule said no. The text is for the person who asked, the facts are for the log."""

    status = 409
    text = "操作未完成，请稍后再试。"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.text.format(**facts))
        self.facts = facts


class Invalid(DomainError):
    """A value breaks a rule of its field.

    `field` is the name of the field as the caller knows it, `problem` one Chinese sentence.
    """

    status = 422
    text = "{field}：{problem}"

    def __init__(self, *, field: str, problem: str, **facts: object) -> None:
        super().__init__(field=field, problem=problem, **facts)
        self.field = field
        self.problem = problem


class NotFound(DomainError):
    """There is no such thing for this person."""

    status = 404
    text = "没有找到您要的内容。"


class Stale(DomainError):
    """It is not any more what the person saw when they began."""

    text = "内容刚刚被其他人修改过，请核对后再保存。"


class Temporary(DomainError):
    """It did not work now and may work later.

    `retry_after` is in seconds; None leaves the pause to the job's own back-off.
    """

    status = 503
    text = "系统繁忙，请稍后再试。"

    def __init__(self, *, retry_after: float | None = None, **facts: object) -> None:
        super().__init__(**facts)
        self.retry_after = retry_after
