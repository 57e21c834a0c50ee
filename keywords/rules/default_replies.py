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

from config import audit, cache_versions
from config.database import Base, session
from config.errors import DomainError, Invalid, NotFound
from config.permissions import Permission, Principal
from keywords.language.normalize import fold
from keywords.rules.store import CACHE_KEY
from keywords.rules.values import AccountPosition

BUILTIN_FALLBACK = (
    "您好，暂时没有找到完全对应的答复。请直接写明事项、地点和需要帮助的内容，"
    "工作人员会在工作时间内回复。紧急情况请直接拨打 110、119、120、122。"
)
BUILTIN_EMERGENCY = (
    "如遇紧急情况，请立即拨打 110（报警）、119（火警救援）、120（急救）、122（交通事故）。"
    "本账号不能替代紧急报警电话，工作人员已收到提醒。"
)
MAX_TEXT_LENGTH = 2000
MAX_WORD_LENGTH = 64
MAX_EMERGENCY_WORDS = 500
_EMERGENCY_KEY = "emergency"
_FALLBACK_KEY = "fallback"


class DefaultReplyChanged(DomainError):
    """Somebody else changed the text since it was read."""

    text = "这段文字刚被其他人修改过，请刷新后重试。"


class DefaultReplyRow(Base):
    """One text. `key` names its purpose and owner: emergency, fallback, fallback/department/3."""

    __tablename__ = "default_replies"

    key: Mapped[str] = mapped_column(primary_key=True)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    text: Mapped[str]
    words: Mapped[list[Any]]
    updated_at: Mapped[datetime]


@dataclass(frozen=True)
class DefaultReplies:
    """All texts of the city as plain values."""

    fallbacks: Mapping[str, str] = field(default_factory=dict)
    emergency: str = BUILTIN_EMERGENCY
    emergency_words: tuple[str, ...] = ()

    def fallback_for(self, position: AccountPosition) -> str:
        """The fallback of an account: its own, its department's, the nearest above, the city's."""
        keys = [_key(account_id=position.account_id)]
        keys += [
            _key(department_id=key) for key in (*position.own_and_below[:1], *position.ancestors)
        ]
        for key in (*keys, _FALLBACK_KEY):
            if key in self.fallbacks:
                return self.fallbacks[key]
        return BUILTIN_FALLBACK


def load() -> DefaultReplies:
    """All texts as they stand, in one query."""
    rows = {row.key: row for row in session.scalars(select(DefaultReplyRow))}
    emergency = rows.pop(_EMERGENCY_KEY, None)
    fallbacks = {key: row.text for key, row in rows.items()}
    if emergency is None:
        return DefaultReplies(fallbacks)
    return DefaultReplies(fallbacks, emergency.text, tuple(emergency.words))


def access_fallback(
    member: Principal,
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    right: Permission,
) -> DefaultReplyRow | None:
    """An owner's own fallback or None, for a member with this right there. Raises NotFound."""
    member.require(right, department_id=department_id, account_id=account_id)
    return session.get(DefaultReplyRow, _key(department_id=department_id, account_id=account_id))


def access_emergency(member: Principal, right: Permission) -> DefaultReplyRow | None:
    """The city's emergency text, for a member who has this right everywhere. Raises NotFound."""
    if not member.scope(right).everywhere:
        raise NotFound(kind="default_reply", id=_EMERGENCY_KEY)
    return session.get(DefaultReplyRow, _EMERGENCY_KEY)


def list_for_staff(member: Principal) -> list[DefaultReplyRow]:
    """The fallbacks that a member may read, in one query."""
    area = member.scope(Permission.RULES_READ)
    inside = area.sql_filter(
        department=DefaultReplyRow.department_id, account=DefaultReplyRow.account_id
    )
    return list(
        session.scalars(
            select(DefaultReplyRow)
            .where(DefaultReplyRow.key != _EMERGENCY_KEY, inside)
            .order_by(DefaultReplyRow.key)
        )
    )


def clear_fallback(
    *, department_id: int | None = None, account_id: int | None = None, expected: str
) -> None:
    """Say what is said above again. `seen` is the text as it was read. Raises TextChanged."""
    key = _key(department_id=department_id, account_id=account_id)
    if (
        session.scalar(
            delete(DefaultReplyRow)
            .where(DefaultReplyRow.key == key, DefaultReplyRow.text == expected)
            .returning(DefaultReplyRow.key)
        )
        is None
    ):
        raise DefaultReplyChanged(key=key)
    _audit("default_reply.clear", key, expected, department_id, {"text": expected}, None)


def set_fallback(
    text: str,
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    expected: str | None = None,
    now: datetime,
) -> bool:
    """Set what is said when nothing fits, for an account, a department or (neither) the city.

    `seen` is the text as it was read before ("" for none), or None where files decide. Returns
    whether anything changed. Raises Invalid, TextChanged.
    """
    _check_text(text, "fallback.text")
    key = _key(department_id=department_id, account_id=account_id)
    _check_unchanged(key, expected)
    return _save(key, text, [], department_id=department_id, account_id=account_id, now=now)


def set_fallback_if_missing(text: str, *, account_id: int, now: datetime) -> bool:
    """Set an account's fallback where it has none of its own. Returns whether it was set."""
    if session.get(DefaultReplyRow, _key(account_id=account_id)) is not None:
        return False
    return set_fallback(text, account_id=account_id, now=now)


def set_emergency(
    text: str, words: list[str], *, expected: str | None = None, now: datetime
) -> bool:
    """Set the city's emergency prompt and its own words of danger, beside the built-in list.

    `seen` as in `set_fallback`; of prompt and words, one a line. Returns whether anything
    changed. Raises Invalid, TextChanged.
    """
    _check_unchanged(_EMERGENCY_KEY, expected)
    _check_text(text, "emergency.text")
    if len(words) > MAX_EMERGENCY_WORDS:
        raise Invalid(field="emergency.keywords", problem=f"最多 {MAX_EMERGENCY_WORDS} 个词。")
    for number, word in enumerate(words, 1):
        if not isinstance(word, str) or not fold(word) or len(word) > MAX_WORD_LENGTH:
            raise Invalid(
                field=f"emergency.keywords[{number}]",
                problem=f"应是 1 到 {MAX_WORD_LENGTH} 个字的词。",
            )
    return _save(_EMERGENCY_KEY, text, list(dict.fromkeys(words)), now=now)


def _save(
    key: str,
    text: str,
    words: list[str],
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    now: datetime,
) -> bool:
    row = session.get(DefaultReplyRow, key)
    before = {"text": row.text, "words": row.words} if row else None
    after = {"text": text, "words": words}
    if before == after:
        return False
    if row is None:
        row = DefaultReplyRow(key=key, department_id=department_id, account_id=account_id)
        session.add(row)
    row.text, row.words, row.updated_at = text, words, now
    session.flush()
    _audit("default_reply.set", key, text, department_id, before, after)
    return True


def _audit(
    action: str,
    key: str,
    text: str,
    department_id: int | None,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    audit.record(
        action,
        kind="default_reply",
        object_id=key,
        label=text[:40],
        department_id=department_id,
        before=before,
        after=after,
    )
    cache_versions.invalidate(CACHE_KEY)


def edit_token(row: DefaultReplyRow | None) -> str:
    """What a page keeps of a text it shows, to tell later whether it is still the same."""
    return "" if row is None else "\n".join((row.text, *row.words))


def _check_unchanged(key: str, expected: str | None) -> None:
    row = session.get(DefaultReplyRow, key, populate_existing=True)
    if expected is not None and expected != edit_token(row):
        raise DefaultReplyChanged(key=key)


def _check_text(text: object, field_name: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise Invalid(field=field_name, problem="不能为空。")
    if len(text) > MAX_TEXT_LENGTH:
        raise Invalid(field=field_name, problem=f"最长 {MAX_TEXT_LENGTH} 个字。")


def _key(*, department_id: int | None = None, account_id: int | None = None) -> str:
    if account_id is not None:
        return f"{_FALLBACK_KEY}/account/{account_id}"
    if department_id is not None:
        return f"{_FALLBACK_KEY}/department/{department_id}"
    return _FALLBACK_KEY
