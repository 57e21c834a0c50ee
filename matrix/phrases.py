"""Phrases: answers that a department's agents give often, ready to be picked.

An account's agents see the phrases of its department and of those above.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.database import Base, change, session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Member, Right

_LONGEST_TITLE = 20
_LONGEST_CONTENT = 600
_MOST = 100


class PhraseChanged(DomainError):
    """Somebody else changed the phrase since it was read."""

    text = "这条常用语刚被其他人修改过，请刷新后重试。"


class Phrase(Base):
    """One ready answer."""

    __tablename__ = "phrases"
    __table_args__ = (UniqueConstraint("department_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    title: Mapped[str]
    content: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


def access_phrase(member: Member, phrase_id: int, right: Right) -> Phrase:
    """The phrase of this id, inside the member's area. Raises NotFound."""
    phrase = session.get(Phrase, phrase_id)
    if phrase is None:
        raise NotFound(kind="phrase", id=phrase_id)
    member.require(right, department_id=phrase.department_id)
    return phrase


def phrases_for_staff(member: Member) -> list[Phrase]:
    """The phrases that the member may change, by department and title."""
    owned = member.area(Right.TALKS_ANSWER).covers(department=Phrase.department_id)
    rows = select(Phrase).where(owned).order_by(Phrase.department_id, Phrase.title)
    return list(session.scalars(rows))


def offered(department_ids: Iterable[int]) -> list[Phrase]:
    """What departments have ready, by title."""
    rows = select(Phrase).where(Phrase.department_id.in_(set(department_ids)))
    return list(session.scalars(rows.order_by(Phrase.title, Phrase.id)))


def add(member: Member, department_id: int, *, title: str, content: str, now: datetime) -> Phrase:
    """Keep a phrase for a department. Raises Invalid, NotFound."""
    member.require(Right.TALKS_ANSWER, department_id=department_id)
    title, content = _checked(department_id, title, content, but=None)
    if len(offered([department_id])) >= _MOST:
        raise Invalid(field="title", problem=f"每个单位最多 {_MOST} 条常用语")
    phrase = Phrase(department_id=department_id, title=title, content=content, created_at=now)
    session.add(phrase)
    session.flush()  # the audit row needs the id
    _noted("phrase.add", phrase, before=None)
    return phrase


def revise(member: Member, phrase_id: int, *, title: str, content: str, version: int) -> Phrase:
    """Change a phrase as it was at a version. Raises Invalid, PhraseChanged, NotFound."""
    phrase = access_phrase(member, phrase_id, Right.TALKS_ANSWER)
    before = {"title": phrase.title, "content": phrase.content}
    title, content = _checked(phrase.department_id, title, content, but=phrase_id)
    changed = change(
        Phrase,
        phrase_id,
        when={"version": version},
        to={"title": title, "content": content, "version": version + 1},
    )
    if changed is None:
        raise PhraseChanged(phrase=phrase_id)
    _noted("phrase.revise", changed, before=before)
    return changed


def remove(member: Member, phrase_id: int) -> None:
    """Give a phrase up. Raises NotFound."""
    phrase = access_phrase(member, phrase_id, Right.TALKS_ANSWER)
    _noted("phrase.remove", phrase, before={"title": phrase.title, "content": phrase.content})
    session.execute(delete(Phrase).where(Phrase.id == phrase_id))


def _checked(department_id: int, title: str, content: str, *, but: int | None) -> tuple[str, str]:
    title, content = title.strip(), content.strip()
    if not 1 <= len(title) <= _LONGEST_TITLE:
        raise Invalid(field="title", problem=f"请填写，最长 {_LONGEST_TITLE} 个字")
    if not 1 <= len(content) <= _LONGEST_CONTENT:
        raise Invalid(field="content", problem=f"请填写，最长 {_LONGEST_CONTENT} 个字")
    same = select(Phrase.id).where(Phrase.department_id == department_id, Phrase.title == title)
    if session.scalar(same) not in (None, but):
        raise Invalid(field="title", problem="本单位已有同名的常用语")
    return title, content


def _noted(action: str, phrase: Phrase, *, before: dict[str, str] | None) -> None:
    is_gone = action == "phrase.remove"
    audit.record(
        action,
        kind="phrase",
        object_id=phrase.id,
        label=phrase.title,
        department_id=phrase.department_id,
        before=before,
        after=None if is_gone else {"title": phrase.title, "content": phrase.content},
    )
