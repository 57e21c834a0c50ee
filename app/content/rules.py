"""Rules in files: `rules`, `fallback`, `emergency`, `texts`; a rule: keywords/rules/spec.py.

Here slugs and appids become ids, and errors get their line.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import select

from app.content.record import Record, unique_by
from app.references import References
from config.database import session
from config.errors import Invalid
from keywords.rules import default_replies, spec, store
from keywords.rules.default_replies import DefaultReplyRow
from keywords.rules.spec import RuleSpec
from keywords.rules.standard_texts import StandardText

SECTIONS = ("rules", "fallback", "fallbacks", "emergency", "texts")
_CHECKED_KINDS = ("department", "account", "media")


def load(tops: Sequence[Record], references: References, *, now: datetime) -> int:
    """Write the rules and the city's texts. Returns how many rules the files name."""
    records = unique_by(record for top in tops for record in top.section("rules"))
    for record in records.values():
        rule_spec = spec_from_record(record)
        _check_references(record, rule_spec, references)
        with _errors_at(record):
            store.upsert(
                rule_spec,
                department_id=references.departments.get(rule_spec.department),
                account_id=references.accounts.get(rule_spec.account),
                now=now,
            )
    for top in tops:
        _load_default_replies(top, references, now)
        _load_standard_texts(top, now)
    return len(records)


def dump(references: References) -> dict[str, object]:
    """All rules and texts, in the shape that `load` reads."""
    # by id: the rows know their owners by id, files by slug or appid
    codes = {key: code for code, key in references.departments.items()}
    appids = {key: appid for appid, key in references.accounts.items()}
    written: dict[str, object] = _dump_default_replies(codes, appids)
    listed = [
        store.to_spec(
            row,
            department=codes.get(row.department_id or 0, ""),
            account=appids.get(row.account_id or 0, ""),
        ).dump()
        for row in store.list_all()
    ]
    return written | ({"rules": listed} if listed else {})


def spec_from_record(record: Record) -> RuleSpec:
    """The rule of one record; what it names is not looked up. Raises InvalidFile."""
    # the spec would refuse it too, but without naming the nearest field
    record.allow_only(*spec.FIELDS)
    with _errors_at(record):
        return RuleSpec.parse(record.to_python())


def _check_references(record: Record, rule_spec: RuleSpec, references: References) -> None:
    """Raises InvalidFile for an owner or media that are not there."""
    # checked here, where the line is known: the store would only see an id that is missing, and
    # take the rule for one of the whole city
    for problem in references.problems(rule_spec):
        # an operator may load rules before the guides and rules that they name
        if problem.reference.kind not in _CHECKED_KINDS:
            continue
        field = str(problem.reference.loc[0])
        if field == "replies" and record.has("reply"):
            field = "reply"
        raise record.error(field, problem.text.rstrip("。"))


@contextmanager
def _errors_at(record: Record) -> Iterator[None]:
    """Give an error raised inside its line; of its "rule id · field" the field is enough."""
    try:
        yield
    except Invalid as error:
        raise record.error(error.field.rpartition(" · ")[2], error.problem) from error


def _load_default_replies(top: Record, references: References, now: datetime) -> None:
    fallback, emergency = top.record("fallback"), top.record("emergency")
    if fallback is not None:
        fallback.allow_only("text")
        with _errors_at(top):
            default_replies.set_fallback(_read_reply_text(fallback), now=now)
    for record in top.section("fallbacks"):
        record.allow_only("department", "account", "text")
        with _errors_at(record):
            department_id, account_id = _owner_ids(record, references)
            default_replies.set_fallback(
                _read_reply_text(record),
                department_id=department_id,
                account_id=account_id,
                now=now,
            )
    if emergency is not None:
        emergency.allow_only("note", "keywords", "text")
        with _errors_at(top):
            default_replies.set_emergency(
                _read_reply_text(emergency), emergency.text_list("keywords"), now=now
            )


def _load_standard_texts(top: Record, now: datetime) -> None:
    texts = top.record("texts")
    if texts is None:
        return
    texts.allow_only(*StandardText)
    written = {
        occasion: texts.text(occasion, max_length=default_replies.MAX_TEXT_LENGTH)
        for occasion in StandardText
        if texts.has(occasion)
    }
    default_replies.set_texts(written, now=now)


def _read_reply_text(record: Record) -> str:
    return record.text("text", max_length=default_replies.MAX_TEXT_LENGTH)


def _owner_ids(record: Record, references: References) -> tuple[int | None, int | None]:
    """Whose fallback it is: a department's or an account's, exactly one of the two."""
    # a fallback of the whole city has a section of its own, so one that names no owner is a mistake
    if record.has("account") == record.has("department"):
        raise record.error("department", "department 与 account 应写且只写一个")
    name = "account" if record.has("account") else "department"
    ids = references.accounts if name == "account" else references.departments
    code = record.text(name)
    if code not in ids:
        raise record.error(name, f"没有“{code}”")
    return (ids[code], None) if name == "department" else (None, ids[code])


def _dump_default_replies(codes: dict[int, str], appids: dict[int, str]) -> dict[str, object]:
    written: dict[str, object] = {}
    department_replies = []
    texts = default_replies.written_texts()
    if texts:
        written["texts"] = {occasion.value: text for occasion, text in texts.items()}
    for row in session.scalars(select(DefaultReplyRow).order_by(DefaultReplyRow.key)):
        if default_replies.is_standard_text(row):
            continue
        if row.key == "emergency":
            written["emergency"] = {"keywords": row.words, "text": row.text}
        elif row.department_id is not None:
            department_replies.append({"department": codes[row.department_id], "text": row.text})
        elif row.account_id is not None:
            department_replies.append({"account": appids[row.account_id], "text": row.text})
        else:
            written["fallback"] = {"text": row.text}
    return written | ({"fallbacks": department_replies} if department_replies else {})
