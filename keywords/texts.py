"""Texts that no rule holds: the fallback when nothing fits, and the emergency prompt.

fallback   of an account, else of the nearest department upwards, else of the whole city
emergency  one for the city, with the city's own words of danger
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, revisions
from config.database import Base, session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Member, Right
from keywords.normalize import fold
from keywords.rules import Reach
from keywords.stored import REVISION

FALLBACK = (
    "您好，暂时没有找到完全对应的答复。请直接写明事项、地点和需要帮助的内容，"
    "工作人员会在工作时间内回复。紧急情况请直接拨打 110、119、120、122。"
)
EMERGENCY = (
    "如遇紧急情况，请立即拨打 110（报警）、119（火警救援）、120（急救）、122（交通事故）。"
    "本账号不能替代紧急报警电话，工作人员已收到提醒。"
)
LONGEST_TEXT = 2000
LONGEST_WORD = 64
MOST_WORDS = 500
_EMERGENCY = "emergency"
_FALLBACK = "fallback"


class TextChanged(DomainError):
    """Somebody else changed the text since it was read."""

    text = "这段文字刚被其他人修改过，请刷新后重试。"


class StoredText(Base):
    """One text. `key` names its purpose and owner: emergency, fallback, fallback/department/3."""

    __tablename__ = "keyword_texts"

    key: Mapped[str] = mapped_column(primary_key=True)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    text: Mapped[str]
    words: Mapped[list[Any]]
    updated_at: Mapped[datetime]


@dataclass(frozen=True)
class Texts:
    """All texts of the city as plain values."""

    fallbacks: Mapping[str, str] = field(default_factory=dict)
    emergency: str = EMERGENCY
    emergency_words: tuple[str, ...] = ()

    def fallback(self, reach: Reach) -> str:
        """The fallback of an account: its own, its department's, the nearest above, the city's."""
        keys = [_key(account_id=reach.account_id)]
        keys += [_key(department_id=key) for key in (*reach.own[:1], *reach.ancestors)]
        for key in (*keys, _FALLBACK):
            if key in self.fallbacks:
                return self.fallbacks[key]
        return FALLBACK


def current() -> Texts:
    """All texts as they stand, in one query."""
    rows = {row.key: row for row in session.scalars(select(StoredText))}
    emergency = rows.pop(_EMERGENCY, None)
    fallbacks = {key: row.text for key, row in rows.items()}
    if emergency is None:
        return Texts(fallbacks)
    return Texts(fallbacks, emergency.text, tuple(emergency.words))


def access_fallback(
    member: Member, *, department_id: int | None = None, account_id: int | None = None, right: Right
) -> StoredText | None:
    """An owner's own fallback or None, for a member with this right there. Raises NotFound."""
    member.require(right, department_id=department_id, account_id=account_id)
    return session.get(StoredText, _key(department_id=department_id, account_id=account_id))


def access_emergency(member: Member, right: Right) -> StoredText | None:
    """The city's emergency text, for a member who has this right everywhere. Raises NotFound."""
    if not member.area(right).everywhere:
        raise NotFound(kind="keyword_text", id=_EMERGENCY)
    return session.get(StoredText, _EMERGENCY)


def for_staff(member: Member) -> list[StoredText]:
    """The fallbacks that a member may read, in one query."""
    area = member.area(Right.RULES_READ)
    inside = area.covers(department=StoredText.department_id, account=StoredText.account_id)
    return list(
        session.scalars(
            select(StoredText).where(StoredText.key != _EMERGENCY, inside).order_by(StoredText.key)
        )
    )


def clear_fallback(
    *, department_id: int | None = None, account_id: int | None = None, seen: str
) -> None:
    """Say what is said above again. `seen` is the text as it was read. Raises TextChanged."""
    key = _key(department_id=department_id, account_id=account_id)
    if (
        session.scalar(
            delete(StoredText)
            .where(StoredText.key == key, StoredText.text == seen)
            .returning(StoredText.key)
        )
        is None
    ):
        raise TextChanged(key=key)
    _tell("keyword_text.clear", key, seen, department_id, {"text": seen}, None)


def set_fallback(
    text: str,
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    seen: str | None = None,
    now: datetime,
) -> bool:
    """Set what is said when nothing fits, for an account, a department or (neither) the city.

    `seen` is the text as it was read before ("" for none), or None where files decide. Returns
    whether anything changed. Raises Invalid, TextChanged.
    """
    _check_text(text, "fallback.text")
    key = _key(department_id=department_id, account_id=account_id)
    _check_seen(key, seen)
    return _put(key, text, [], department_id=department_id, account_id=account_id, now=now)


def adopt_fallback(text: str, *, account_id: int, now: datetime) -> bool:
    """Set an account's fallback where it has none of its own. Returns whether it was set."""
    if session.get(StoredText, _key(account_id=account_id)) is not None:
        return False
    return set_fallback(text, account_id=account_id, now=now)


def set_emergency(text: str, words: list[str], *, seen: str | None = None, now: datetime) -> bool:
    """Set the city's emergency prompt and its own words of danger, beside the built-in list.

    `seen` as in `set_fallback`; of prompt and words, one a line. Returns whether anything
    changed. Raises Invalid, TextChanged.
    """
    _check_seen(_EMERGENCY, seen)
    _check_text(text, "emergency.text")
    if len(words) > MOST_WORDS:
        raise Invalid(field="emergency.keywords", problem=f"最多 {MOST_WORDS} 个词。")
    for number, word in enumerate(words, 1):
        if not isinstance(word, str) or not fold(word) or len(word) > LONGEST_WORD:
            raise Invalid(
                field=f"emergency.keywords[{number}]",
                problem=f"应是 1 到 {LONGEST_WORD} 个字的词。",
            )
    return _put(_EMERGENCY, text, list(dict.fromkeys(words)), now=now)


def _put(
    key: str,
    text: str,
    words: list[str],
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    now: datetime,
) -> bool:
    row = session.get(StoredText, key)
    before = {"text": row.text, "words": row.words} if row else None
    after = {"text": text, "words": words}
    if before == after:
        return False
    if row is None:
        row = StoredText(key=key, department_id=department_id, account_id=account_id)
        session.add(row)
    row.text, row.words, row.updated_at = text, words, now
    session.flush()
    _tell("keyword_text.set", key, text, department_id, before, after)
    return True


def _tell(
    action: str,
    key: str,
    text: str,
    department_id: int | None,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    audit.record(
        action,
        kind="keyword_text",
        object_id=key,
        label=text[:40],
        department_id=department_id,
        before=before,
        after=after,
    )
    revisions.bump(REVISION)


def seen_of(row: StoredText | None) -> str:
    """What a page keeps of a text it shows, to tell later whether it is still the same."""
    return "" if row is None else "\n".join((row.text, *row.words))


def _check_seen(key: str, seen: str | None) -> None:
    row = session.get(StoredText, key, populate_existing=True)
    if seen is not None and seen != seen_of(row):
        raise TextChanged(key=key)


def _check_text(text: object, field_name: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise Invalid(field=field_name, problem="不能为空。")
    if len(text) > LONGEST_TEXT:
        raise Invalid(field=field_name, problem=f"最长 {LONGEST_TEXT} 个字。")


def _key(*, department_id: int | None = None, account_id: int | None = None) -> str:
    if account_id is not None:
        return f"{_FALLBACK}/account/{account_id}"
    if department_id is not None:
        return f"{_FALLBACK}/department/{department_id}"
    return _FALLBACK
