"""Working: the jobs that check an uploaded file and apply a confirmed one.

The file is read while nothing is held. All of it is applied in one transaction with the word that
it was, as draft versions: twice or half is impossible. How far a job has come is told through the
cache, for the page that waits.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app import live
from app.exchange import checking, lines
from app.exchange.checking import Kind, Plan
from app.exchange.lines import Owners
from app.loading.documents import WrongFile
from app.loading.rules import Known
from config import audit, cache, clock
from config.audit import Actor
from config.database import reading, retrying, session, transaction
from config.errors import DomainError
from config.tenancy import Member
from keywords import imports, newcomers, versions
from keywords.history import Proposal
from keywords.imports import MOST_PROBLEMS, Format, RuleImport, State
from keywords.newcomers import Newcomer
from matrix.staff import grants, people

_MOST_SHOWN = 200
_TOLD_EVERY = 50
_KEPT = 600.0  # seconds that a word of progress is worth
_MOVED = "这些规则在您确认之前又有了变化，请看过新的预览后再确认。"


@dataclass(frozen=True)
class _Upload:
    """What a job has to know of an import while no row is held."""

    id: int
    staff_id: int
    staff_name: str
    filename: str
    format: Format
    basis: str
    submits: bool


def check(*, import_id: int, now: datetime) -> None:
    """Read an upload and write down what it would do, or all that is wrong with it."""
    upload = _standing(import_id, State.CHECKING)
    if upload is None:
        return
    try:
        told = _told(_planned(upload, now))
    except DomainError as error:
        told = {"note": _without_path(error), "wrong": 1}
    with transaction():
        imports.checked(import_id, now=now, **told)


def apply(*, import_id: int, now: datetime) -> None:
    """Make the drafts of a confirmed import, all of them or none."""
    upload = _standing(import_id, State.APPLYING)
    if upload is None:
        return
    plan = _planned(upload, now)
    if plan.problems:
        with transaction():
            imports.checked(import_id, now=now, **_told(plan))
    elif plan.basis != upload.basis:
        with transaction():
            imports.ask_again(import_id, _MOVED, now=now, **_told(plan))
    else:
        fresh = _newcomers(upload, plan, now)
        with audit.acting(Actor(upload.staff_name, upload.staff_id)):
            retrying(lambda: _apply(upload, plan, fresh, now))


def progress(import_id: int) -> int:
    """How many rules the job at an import has done; 0 when nobody knows."""
    told = cache.get(f"import:{import_id}")
    return int(told) if told else 0


def _teller(import_id: int) -> Callable[[int], None]:
    return lambda done: cache.put(f"import:{import_id}", str(done), _KEPT)


def _standing(import_id: int, state: State) -> _Upload | None:
    with reading():
        row = session.get(RuleImport, import_id)
        if row is None or row.state is not state:
            return None
        return _Upload(**{name: getattr(row, name) for name in _Upload.__dataclass_fields__})


def _planned(upload: _Upload, now: datetime) -> Plan:
    with reading():
        body = imports.content_of(upload.id)
        member, known = _member(upload.staff_id, now), Known.now()
    read = lines.read(
        upload.format, body, upload.filename, known, _owners(known), tell=_teller(upload.id)
    )
    with reading():
        return checking.plan(read, member, known)


def _member(staff_id: int, now: datetime) -> Member:
    """What the person who brought the file may do today."""
    person = people.get(staff_id)
    held = grants.standing([staff_id]) if person.state is people.State.ACTIVE else []
    return grants.member(person, held, today=clock.local_day(now))


def _owners(known: Known) -> Owners:
    picture = live.refresh()
    return Owners(
        _only_ones((picture.names.get(key, ""), code) for code, key in known.departments.items()),
        _only_ones((account.name, appid) for appid, account in picture.accounts.items()),
    )


def _only_ones(listed: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The code of each name that belongs to one alone."""
    pairs = list(listed)
    counts = Counter(name for name, _ in pairs)
    return {name: code for name, code in pairs if counts[name] == 1}


def _told(plan: Plan) -> dict[str, Any]:
    listed = [wish for wish in plan.wishes if wish.kind is not Kind.SAME][:_MOST_SHOWN]
    return {
        "basis": plan.basis,
        "total": len(plan.wishes),
        "fresh": plan.count(Kind.FRESH),
        "changed": plan.count(Kind.CHANGED),
        "same": plan.count(Kind.SAME),
        "wrong": len(plan.problems),
        "problems": [asdict(problem) for problem in plan.problems[:MOST_PROBLEMS]],
        "preview": [
            {
                "at": wish.at,
                "kind": wish.kind.value,
                "code": wish.draft.code,
                "name": wish.draft.name,
                "replaces": wish.replaces,
            }
            for wish in listed
        ],
    }


def _without_path(error: DomainError) -> str:
    if isinstance(error, WrongFile):
        return f"{error.facts['where']}：{error.facts['problem']}。"
    return str(error)


def _newcomers(upload: _Upload, plan: Plan, now: datetime) -> list[Newcomer]:
    return [
        newcomers.prepared(
            Proposal(wish.draft, wish.department_id, wish.account_id),
            author_id=upload.staff_id,
            submits=upload.submits,
            now=now,
        )
        for wish in plan.wishes
        if wish.kind is Kind.FRESH
    ]


def _apply(upload: _Upload, plan: Plan, fresh: Sequence[Newcomer], now: datetime) -> None:
    if not imports.applied(upload.id, now=now):
        return
    newcomers.add(fresh)
    tell = _teller(upload.id)
    changed = (wish for wish in plan.wishes if wish.kind is Kind.CHANGED)
    for done, wish in enumerate(changed, len(fresh)):
        version = versions.save(
            wish.draft,
            rule_id=wish.rule_id,
            base=None,
            department_id=wish.department_id,
            account_id=wish.account_id,
            author_id=upload.staff_id,
            now=now,
        )
        if upload.submits:
            versions.submit(version.id, by=upload.staff_id, now=now)
        if done % _TOLD_EVERY == 0:
            tell(done)
