"""The resolver: what a rule may name, for the person who wrote it or for an operator's command.

    RuleSpec ── config.validation.references ──> Reference ── References.problems ──> Invalid

Every form and every import looks its references up here. What lies outside of a person's doors is
answered like what does not exist, so that names of other departments cannot be found by trying.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from config.database import session
from config.permissions import Permission, Principal
from config.validation import Spec
from config.validation.references import Reference, list_references
from keywords.rules import store
from matrix import departments, media
from matrix.accounts import Account
from matrix.departments import Department
from matrix.media import MediaFile
from services import catalogue

_WRITE = Permission.RULES_WRITE
_UNKNOWN: Mapping[str, str] = {
    "department": "没有编号为“{name}”的单位，或者它不在您可以修改的范围内。",
    "account": "没有 appid 为“{name}”的账号，或者它不在您可以修改的范围内。",
    "media": "没有名为“{name}”的素材，或者您不能使用它。",
    "guide": "没有编号为“{name}”的办事指南。",
    "rule": "没有编号为“{name}”的默认规则可以代替。",
}


@dataclass(frozen=True)
class Problem:
    """A reference that names nothing the person may use, and what to say of it."""

    reference: Reference
    text: str


@dataclass(frozen=True)
class References:
    """What may be named: ids by slug of department and by appid, media, guides, default rules."""

    departments: Mapping[str, int]
    accounts: Mapping[str, int]
    media_names: Collection[str]
    guides: Collection[str]
    default_rules: Collection[str]

    @classmethod
    def of_city(cls) -> "References":
        """Everything there is, for commands of the operator."""
        return cls(
            dict(session.execute(select(Department.slug, Department.id)).all()),
            dict(session.execute(select(Account.appid, Account.id)).all()),
            frozenset(session.scalars(select(MediaFile.name))),
            frozenset(guide.slug for guide in catalogue.list_all()),
            frozenset(slug for slug, _ in store.list_default_slugs()),
        )

    @classmethod
    def for_staff(cls, member: Principal) -> "References":
        """What a member may name; nothing that belongs to somebody when they write no rules."""
        city = cls.of_city()
        within = departments_above(member)
        return cls(
            {slug: key for slug, key in city.departments.items() if _may(member, department=key)},
            {appid: key for appid, key in city.accounts.items() if _may(member, account=key)},
            # names_for_staff refuses who has no permission anywhere
            frozenset(name for name, _ in media.names_for_staff(member))
            if member.scope(_WRITE)
            else frozenset(),
            # citizens read them all, so their names are no secret of a department
            frozenset(card.slug for card in catalogue.list_cards()),
            frozenset(
                slug
                for slug, owner in store.list_default_slugs()
                if owner is None or owner in within
            ),
        )

    def problems(
        self, spec: Spec, *, kept: Iterable[Reference] = (), among: Collection[str] = ()
    ) -> Iterator[Problem]:
        """The references of a spec that may not be made.

        `kept` are those the thing has already: they stay, so that an editor can correct a word of
        a rule whose picture another department owns. `among` are slugs of rules that the same file
        brings.
        """
        kept_names = {(each.kind, each.name) for each in kept}
        known: Mapping[str, Collection[str]] = {
            "department": self.departments,
            "account": self.accounts,
            "media": self.media_names,
            "guide": self.guides,
            "rule": {*self.default_rules, *among} if among else self.default_rules,
        }
        for each in list_references(spec):
            if each.name not in known[each.kind] and (each.kind, each.name) not in kept_names:
                yield Problem(each, _UNKNOWN[each.kind].format(name=each.name))


def departments_above(member: Principal) -> frozenset[int]:
    """The departments where a member writes rules, and all above them, whose rules reach there."""
    scope, tree = member.scope(_WRITE), departments.tree()
    if scope.everywhere:
        return frozenset(tree.parents)
    owners = select(Account.department_id).where(Account.id.in_(scope.accounts))
    own = scope.departments | frozenset(session.scalars(owners))
    return own.union(*(tree.above(key) for key in own))


def _may(member: Principal, *, department: int | None = None, account: int | None = None) -> bool:
    return member.may(_WRITE, department_id=department, account_id=account)
