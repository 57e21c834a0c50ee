"""Rules in files: `rules`, `fallback` and `emergency`; the rules' own shape is keywords/drafts.py.

Here a rule finds its owners by their codes, and what is refused finds its line.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.loading import accounts, departments, media
from app.loading.fields import Record, unique
from config.database import session
from config.errors import Invalid
from keywords import drafts, stored, texts
from keywords.drafts import RuleDraft
from keywords.replies import media_names
from keywords.texts import StoredText

SECTIONS = ("rules", "fallback", "fallbacks", "emergency")


@dataclass(frozen=True)
class Known:
    """What rules may name: departments and accounts by code with their ids, and media."""

    departments: dict[str, int]
    accounts: dict[str, int]
    media: set[str]

    @classmethod
    def now(cls) -> "Known":
        """As the database has it."""
        return cls(departments.ids(), accounts.ids(), media.names())


def load(tops: Sequence[Record], known: Known, *, now: datetime) -> int:
    """Write the rules and the city's texts. Returns how many rules the files name."""
    records = unique(record for top in tops for record in top.rows("rules"))
    for record in records.values():
        draft = draft_of(record, known)
        with _located(record):
            stored.put(
                draft,
                department_id=known.departments.get(draft.department),
                account_id=known.accounts.get(draft.account),
                now=now,
            )
    for top in tops:
        _set_texts(top, known, now)
    return len(records)


def dump(known: Known) -> dict[str, Any]:
    """All rules and texts, in the shape that `load` reads."""
    codes = {key: code for code, key in known.departments.items()}
    appids = {key: appid for appid, key in known.accounts.items()}
    written: dict[str, Any] = _texts(codes, appids)
    listed = [
        drafts.dump_rule(
            stored.to_draft(
                row,
                department=codes.get(row.department_id or 0, ""),
                account=appids.get(row.account_id or 0, ""),
            )
        )
        for row in stored.listed()
    ]
    return written | ({"rules": listed} if listed else {})


def draft_of(record: Record, known: Known) -> RuleDraft:
    """The rule of one record, with owners and media that are known. Raises WrongFile."""
    record.allow(*drafts.FIELDS)
    with _located(record):
        draft = drafts.parse_rule(record.plain())
    if draft.department and draft.department not in known.departments:
        raise record.wrong("department", f"没有编号为“{draft.department}”的单位")
    if draft.account and draft.account not in known.accounts:
        raise record.wrong("account", f"没有 appid 为“{draft.account}”的账号")
    for name in media_names(draft.replies):
        if name not in known.media:
            field = "reply" if record.has("reply") else "replies"
            raise record.wrong(field, f"没有名为“{name}”的素材")
    return draft


@contextmanager
def _located(record: Record) -> Iterator[None]:
    """A refusal of the keywords' own names "rule id · field"; here the field is enough."""
    try:
        yield
    except Invalid as error:
        raise record.wrong(error.field.rpartition(" · ")[2], error.problem) from error


def _set_texts(top: Record, known: Known, now: datetime) -> None:
    fallback, emergency = top.record("fallback"), top.record("emergency")
    if fallback is not None:
        fallback.allow("text")
        with _located(top):
            texts.set_fallback(_said(fallback), now=now)
    for record in top.rows("fallbacks"):
        record.allow("department", "account", "text")
        with _located(record):
            department_id, account_id = _owner(record, known)
            texts.set_fallback(
                _said(record), department_id=department_id, account_id=account_id, now=now
            )
    if emergency is not None:
        emergency.allow("note", "keywords", "text")
        with _located(top):
            texts.set_emergency(_said(emergency), emergency.texts("keywords"), now=now)


def _said(record: Record) -> str:
    return record.text("text", longest=texts.LONGEST_TEXT)


def _owner(record: Record, known: Known) -> tuple[int | None, int | None]:
    """Whose fallback it is: a department's or an account's, exactly one of the two."""
    if record.has("account") == record.has("department"):
        raise record.wrong("department", "department 与 account 应写且只写一个")
    name = "account" if record.has("account") else "department"
    ids = known.accounts if name == "account" else known.departments
    code = record.text(name)
    if code not in ids:
        raise record.wrong(name, f"没有“{code}”")
    return (ids[code], None) if name == "department" else (None, ids[code])


def _texts(codes: dict[int, str], appids: dict[int, str]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    others = []
    for row in session.scalars(select(StoredText).order_by(StoredText.key)):
        if row.key == "emergency":
            written["emergency"] = {"keywords": row.words, "text": row.text}
        elif row.department_id is not None:
            others.append({"department": codes[row.department_id], "text": row.text})
        elif row.account_id is not None:
            others.append({"account": appids[row.account_id], "text": row.text})
        else:
            written["fallback"] = {"text": row.text}
    return written | ({"fallbacks": others} if others else {})
