"""Default replies: the fallback when nothing else answers, the emergency prompt, standard texts.

    fallback   of the account, else of the nearest department upwards, else of the city, else the
               built-in one
    emergency  one for the whole city, with the city's own words of danger beside the built-in list
    text/…     one for the whole city and each occasion of `standard_texts`, else the built-in one

They are part of the rule set in memory, so every change moves the same cache version as rules.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ForeignKey, Select, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, cache_versions
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, find_for_update, session
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission, Principal
from keywords.language.normalize import fold
from keywords.rules.inheritance import AccountPosition
from keywords.rules.standard_texts import BUILTIN_TEXTS, StandardText
from keywords.rules.store import CACHE_KEY

# a city that has written nothing yet still says where help is; the numbers are those of the whole
# country
BUILTIN_FALLBACK = (
    "您好，暂时没有找到完全对应的答复。请直接写明事项、地点和需要帮助的内容，"
    "工作人员在工作时间查看留言。紧急情况请直接拨打 110、119、120、122。"
)
BUILTIN_EMERGENCY = (
    "如遇紧急情况，请立即拨打 110（报警）、119（火警救援）、120（急救）、122（交通事故）。"
    "本账号不能替代紧急报警电话，请不要只在这里等待回复。"
)
MAX_TEXT_LENGTH = 2000
MAX_WORD_LENGTH = 64
MAX_EMERGENCY_WORDS = 500
_EMERGENCY_KEY = "emergency"
_FALLBACK_KEY = "fallback"
_TEXT_PREFIX = "text/"


class DefaultReplyAction(AuditAction, kind=ObjectKind("default_reply", "兜底、紧急与固定回复")):
    """What is recorded about default replies."""

    SET = "default_reply.set", "修改兜底、紧急或固定回复"
    CLEAR = "default_reply.clear", "取消兜底或固定回复"


class DefaultReplyRow(Base):
    """One text.

    `key` names purpose and owner: emergency, fallback, fallback/department/3, fallback/account/7,
    text/voice.
    `words` are the city's words of danger, for the emergency prompt only.
    """

    __tablename__ = "default_replies"

    key: Mapped[str] = mapped_column(primary_key=True)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    text: Mapped[str]
    words: Mapped[list[str]]
    updated_at: Mapped[datetime]


@dataclass(frozen=True)
class DefaultReplies:
    """All default replies as plain values; `fallbacks` are by key of their row.

    `texts` are the standard texts that the city has written itself.
    """

    fallbacks: Mapping[str, str] = field(default_factory=dict)
    emergency: str = BUILTIN_EMERGENCY
    emergency_words: tuple[str, ...] = ()
    texts: Mapping[StandardText, str] = field(default_factory=dict)

    def text(self, occasion: StandardText) -> str:
        """The standard text of an occasion: the city's own, else the built-in one."""
        return self.texts.get(occasion) or BUILTIN_TEXTS[occasion]

    def fallback_for(self, position: AccountPosition) -> str:
        """The fallback of an account: its own, its department's, the nearest above, the city's."""
        keys = [_key(account_id=position.account_id)]
        # the order of inheritance: who is nearer to the citizen knows better what to say
        keys += [
            _key(department_id=key) for key in (*position.own_and_below[:1], *position.ancestors)
        ]
        for key in (*keys, _FALLBACK_KEY):
            if key in self.fallbacks:
                return self.fallbacks[key]
        return BUILTIN_FALLBACK


def load() -> DefaultReplies:
    """All default replies, in one query."""
    rows = {row.key: row for row in session.scalars(select(DefaultReplyRow))}
    emergency = rows.pop(_EMERGENCY_KEY, None)
    fallbacks = {key: row.text for key, row in rows.items() if not is_standard_text(row)}
    texts = _texts_of(rows.values())
    if emergency is None:
        return DefaultReplies(fallbacks, texts=texts)
    return DefaultReplies(fallbacks, emergency.text, tuple(emergency.words), texts)


def _texts_of(rows: Iterable[DefaultReplyRow]) -> dict[StandardText, str]:
    """The standard texts among some rows, in the order of their occasions."""
    written = {row.key: row.text for row in rows}
    keys = {occasion: _TEXT_PREFIX + occasion for occasion in StandardText}
    return {occasion: written[key] for occasion, key in keys.items() if key in written}


def access_fallback(
    member: Principal,
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    right: Permission,
) -> DefaultReplyRow | None:
    """An owner's own fallback, or None where it has none.

    Raises NotFound for a staff member without this permission at that owner.
    """
    member.require(right, department_id=department_id, account_id=account_id)
    return session.get(DefaultReplyRow, _key(department_id=department_id, account_id=account_id))


def access_emergency(member: Principal, right: Permission) -> DefaultReplyRow | None:
    """The emergency prompt of the city, or None while the built-in one is used.

    Raises NotFound for a staff member who does not have this permission everywhere.
    """
    # one text for all accounts: it needs the permission for all of them
    if not member.scope(right).everywhere:
        raise NotFound(kind="default_reply", id=_EMERGENCY_KEY)
    return session.get(DefaultReplyRow, _EMERGENCY_KEY)


def access_texts(member: Principal, right: Permission) -> dict[StandardText, str]:
    """The standard texts that the city has written itself.

    Raises NotFound for a staff member who does not have this permission everywhere.
    """
    if not member.scope(right).everywhere:
        raise NotFound(kind="default_reply", id=_TEXT_PREFIX)
    return written_texts()


def is_standard_text(row: DefaultReplyRow) -> bool:
    """Whether a row is a standard text, and neither a fallback nor the emergency prompt."""
    return row.key.startswith(_TEXT_PREFIX)


def written_texts() -> dict[StandardText, str]:
    """The standard texts that differ from the built-in ones, in one query."""
    return _texts_of(session.scalars(_select_texts()))


def _select_texts() -> Select[DefaultReplyRow]:
    return select(DefaultReplyRow).where(DefaultReplyRow.key.startswith(_TEXT_PREFIX))


def list_for_staff(member: Principal) -> list[DefaultReplyRow]:
    """The fallbacks that a staff member may read, in one query."""
    area = member.scope(Permission.RULES_READ)
    inside = area.sql_filter(
        department=DefaultReplyRow.department_id, account=DefaultReplyRow.account_id
    )
    return list(
        session.scalars(
            select(DefaultReplyRow)
            .where(
                DefaultReplyRow.key != _EMERGENCY_KEY,
                DefaultReplyRow.key.not_like(f"{_TEXT_PREFIX}%"),
                inside,
            )
            .order_by(DefaultReplyRow.key)
        )
    )


def clear_fallback(
    *, department_id: int | None = None, account_id: int | None = None, expected: str
) -> None:
    """Delete an owner's fallback, so that the one above it applies again.

    `expected` is the text as the page showed it. Raises Stale.
    """
    key = _key(department_id=department_id, account_id=account_id)
    if (
        # one statement: between reading and deleting somebody could have changed the text
        session.scalar(
            delete(DefaultReplyRow)
            .where(DefaultReplyRow.key == key, DefaultReplyRow.text == expected)
            .returning(DefaultReplyRow.key)
        )
        is None
    ):
        raise _stale(key, session.get(DefaultReplyRow, key, populate_existing=True))
    owner = audit.Owner(department_id, account_id)
    _audit(DefaultReplyAction.CLEAR, key, expected, owner, {"text": expected}, None)


def set_fallback(
    text: str,
    *,
    department_id: int | None = None,
    account_id: int | None = None,
    expected: str | None = None,
    now: datetime,
) -> bool:
    """Set the fallback of an account, of a department, or (with neither id) of the city.

    `expected` is the `edit_token` the page was made with, or None to overwrite whatever is there,
    as loading a file does. Returns whether anything changed. Raises Invalid, Stale.
    """
    _check_text(text, "fallback.text")
    key = _key(department_id=department_id, account_id=account_id)
    _check_unchanged(key, expected)
    return _save(key, text, [], department_id=department_id, account_id=account_id, now=now)


def set_fallback_if_missing(text: str, *, account_id: int, now: datetime) -> bool:
    """Set an account's fallback where it has none of its own. Returns whether it was set."""
    # what WeChat's own console had is taken over once and never over a text that was written here
    if session.get(DefaultReplyRow, _key(account_id=account_id)) is not None:
        return False
    return set_fallback(text, account_id=account_id, now=now)


def set_emergency(
    text: str, words: list[str], *, expected: str | None = None, now: datetime
) -> bool:
    """Set the emergency prompt and the city's own words of danger.

    `expected` as in `set_fallback`. Returns whether anything changed. Raises Invalid with the
    number of the wrong word in its field, Stale.
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


def set_texts(
    texts: Mapping[StandardText, str], *, expected: str | None = None, now: datetime
) -> bool:
    """Set standard texts of the city; an empty one brings the built-in text back.

    `expected` is the `texts_token` the page was made with, or None to overwrite whatever is there.
    Returns whether anything changed. Raises Invalid, Stale.
    """
    rows = session.scalars(
        _select_texts().with_for_update(), execution_options={"populate_existing": True}
    )
    written = _texts_of(rows)
    if expected is not None and expected != texts_token(written):
        raise Stale("固定回复", newest=written)
    changes = [_set_text(occasion, text, now) for occasion, text in texts.items()]
    return any(changes)


def _set_text(occasion: StandardText, text: str, now: datetime) -> bool:
    key = _TEXT_PREFIX + occasion
    if text.strip() and text != BUILTIN_TEXTS[occasion]:
        _check_text(text, f"texts.{occasion}")
        return _save(key, text, [], now=now)
    row = session.get(DefaultReplyRow, key)
    if row is None:
        return False
    session.delete(row)
    session.flush()
    _audit(DefaultReplyAction.CLEAR, key, row.text, audit.Owner(), {"text": row.text}, None)
    return True


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
    # loading a file again must not fill the audit log or move the cache version
    if before == after:
        return False
    if row is None:
        row = DefaultReplyRow(key=key, department_id=department_id, account_id=account_id)
        session.add(row)
    row.text, row.words, row.updated_at = text, words, now
    session.flush()
    _audit(DefaultReplyAction.SET, key, text, row, before, after)
    return True


def _audit(
    action: DefaultReplyAction,
    key: str,
    text: str,
    owner: audit.OfAccount,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    audit.record(
        action,
        owner=owner,
        object_id=key,
        label=text[:40],
        before=before,
        after=after,
    )
    cache_versions.invalidate(CACHE_KEY)


def texts_token(written: Mapping[StandardText, str]) -> str:
    """What the form of all standard texts carries, as `edit_token` does for one text."""
    content = "\n".join(f"{occasion}\t{text}" for occasion, text in written.items())
    # a digest, because all texts together are too long for a hidden field
    return hashlib.sha256(content.encode()).hexdigest()


def edit_token(row: DefaultReplyRow | None) -> str:
    """What a form carries to notice that the text was changed meanwhile: text and words.

    The content itself and not a counter, so that two people who save the same text do not clash.
    """
    return "" if row is None else "\n".join((row.text, *row.words))


def _check_unchanged(key: str, expected: str | None) -> None:
    # locked and read anew: nobody can change the text between the comparison and the save
    row = find_for_update(DefaultReplyRow, key)
    if expected is not None and expected != edit_token(row):
        raise _stale(key, row)


def _stale(key: str, newest: DefaultReplyRow | None) -> Stale:
    return Stale("这段文字", newest=newest, key=key)


def _check_text(text: object, field_name: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise Invalid(field=field_name, problem="不能为空。")
    if len(text) > MAX_TEXT_LENGTH:
        raise Invalid(field=field_name, problem=f"最长 {MAX_TEXT_LENGTH} 个字。")


def _key(*, department_id: int | None = None, account_id: int | None = None) -> str:
    if account_id is not None:
        # a key instead of a unique index over two nullable columns, in which NULLs count as
        # different
        return f"{_FALLBACK_KEY}/account/{account_id}"
    if department_id is not None:
        return f"{_FALLBACK_KEY}/department/{department_id}"
    return _FALLBACK_KEY
