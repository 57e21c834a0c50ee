"""References: whatever a spec names is looked up through the doors of whoever wrote it."""

import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, get_args, get_type_hints

import pytest
from sqlalchemy import select

import keywords
import matrix
import services
from app.content.export import to_yaml
from app.references import References
from app.rule_files import import_plan, parse
from app.rule_files.parse import OwnerNames
from config.database import session, transaction
from config.errors import Invalid, NotFound
from config.permissions import Permission, PermissionScope, Principal
from config.validation import Spec
from config.validation.references import kinds_by_field, list_references
from keywords.rules import store
from keywords.rules.replies import KINDS
from keywords.rules.rule_imports import ImportFormat
from keywords.rules.spec import RuleSpec
from matrix import departments, media
from matrix.accounts import Account, AccountSpec
from matrix.media import Kind
from matrix.notifications.preferences import KindPreference, PreferencesSpec
from matrix.staff import grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.roles import Role
from services import catalogue
from services.catalogue import GuideSpec, GuideState
from tests.helpers import NOW
from tests.helpers.hub import Hub
from tests.helpers.workbooks import rule, sheet

# texts that name something, but nothing that a department owns
NAMES_OF_ITS_OWN = {
    "slug",
    "name",
    "appid",  # of the account itself
    "original_id",
    "agent",  # an account of WeChat's own customer service, which only WeChat knows
}
SUSPICIOUS = ("_id", "department", "account", "media", "thumb", "service", "overrides", "rule")
# where the references of each spec are looked up
RESOLVED = {
    RuleSpec: "app.references",
    GrantSpec: "grants.create",
    AccountSpec: "the console",
    PreferencesSpec: "preferences.save",
    KindPreference: "preferences.save",
}


def specs() -> Iterator[type[Spec]]:
    for room in (keywords, matrix, services):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            import_module(module.name)
    waiting = list(Spec.__subclasses__())
    while waiting:
        each = waiting.pop()
        waiting += each.__subclasses__()
        if each.__module__.partition(".")[0] in ("keywords", "matrix", "services"):
            yield each


def test_every_field_that_names_another_thing_is_marked() -> None:
    bare = [
        f"{owner.__name__}.{name}"
        for owner in (*specs(), *KINDS.values())
        for name, hint in get_type_hints(owner, include_extras=True).items()
        if name not in NAMES_OF_ITS_OWN
        and name.endswith(SUSPICIOUS)
        and name not in kinds_by_field(owner)
        and get_args(hint) != (str,)
    ]
    assert not bare


def test_every_spec_with_references_has_a_resolver() -> None:
    assert {each for each in specs() if kinds_by_field(each)} <= RESOLVED.keys()


def test_a_mark_is_found_through_aliases_and_optional_types() -> None:
    assert kinds_by_field(GrantSpec) == {"department_id": "department", "account_id": "account"}
    assert kinds_by_field(KINDS["music"]) == {"thumb": "media"}


@pytest.fixture
def member(hub: Hub) -> Principal:
    """An editor of the police, beside whom other departments have everything a rule can name."""
    with transaction():
        hrss = departments.get_by_slug("hrss").id
        police = departments.get_by_slug("police").id
        for name, owner in (("本单位图", police), ("全市图", None), ("人社图", hrss)):
            media.save(name, Kind.IMAGE, PICTURE, digest=name, department_id=owner, now=NOW)
        for slug, state in (("open", GuideState.ACTIVE), ("gone", GuideState.WITHDRAWN)):
            catalogue.upsert(GuideSpec(slug, hrss, "办社保卡", state=state), now=NOW)
        for slug, owner in (("city.hello", None), ("police.hello", police), ("hrss.hello", hrss)):
            store.create(default_rule(slug), department_id=owner, now=NOW)
        area = PermissionScope(
            departments=frozenset({police}),
            accounts=frozenset({account_id("police")}),
        )
    rights = (Permission.RULES_READ, Permission.RULES_WRITE, Permission.STAFF_MANAGE)
    return Principal(99, "王编辑", dict.fromkeys(rights, area), police)


PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


def account_id(department: str) -> int:
    owner = departments.get_by_slug(department).id
    return session.scalars(select(Account.id).where(Account.department_id == owner)).one()


def default_rule(slug: str) -> RuleSpec:
    shape = {"id": slug, "name": "问好", "scope": "default", "keywords": ["你好"]}
    return RuleSpec.parse(shape | {"reply": {"type": "text", "content": "您好。"}}, is_owned=True)


def rule_with(**changed: Any) -> RuleSpec:
    shape: dict[str, Any] = {
        "id": "police.new",
        "name": "新规则",
        "department": "police",
        "keywords": ["词"],
        "reply": {"type": "text", "content": "答。"},
    }
    return RuleSpec.parse({name: value for name, value in (shape | changed).items() if value})


def picture(name: str) -> dict[str, str]:
    return {"type": "image", "media": name}


# of each kind: what may be named, what belongs to others, and what does not exist
CASES: dict[str, tuple[Callable[[str], RuleSpec], tuple[str, ...], str, str]] = {
    "department": (lambda name: rule_with(department=name), ("police",), "hrss", "nobody"),
    "account": (
        lambda name: rule_with(department=None, account=name),
        (f"wx{1:016x}",),
        f"wx{2:016x}",
        f"wx{77:016x}",
    ),
    "media": (lambda name: rule_with(reply=picture(name)), ("本单位图", "全市图"), "人社图", "无"),
    "guide": (lambda name: rule_with(service=name), ("open",), "gone", "none"),
    "rule": (
        lambda name: rule_with(overrides=name),
        ("city.hello", "police.hello"),
        "hrss.hello",
        "none",
    ),
}


def test_every_kind_of_reference_is_among_the_cases() -> None:
    owners = (RuleSpec, *KINDS.values())
    assert {kind for owner in owners for kind in kinds_by_field(owner).values()} == set(CASES)


@pytest.mark.parametrize("kind", CASES)
def test_what_belongs_to_others_is_answered_like_what_does_not_exist(
    member: Principal, kind: str
) -> None:
    make, own, foreign, missing = CASES[kind]
    with transaction():
        references = References.for_staff(member)
        for name in own:
            assert not list(references.problems(make(name))), name
        (theirs,) = references.problems(make(foreign))
        (nothing,) = references.problems(make(missing))
        assert theirs.reference.kind == kind
        assert theirs.text.replace(foreign, "…") == nothing.text.replace(missing, "…")


def test_every_place_of_a_reference_in_a_reply_is_looked_up(member: Principal) -> None:
    shapes = [
        picture("人社图"),
        {"type": "voice", "media": "人社图"},
        {"type": "video", "media": "人社图"},
        {"type": "music", "thumb": "人社图"},
        {"type": "text", "content": "人社图"},
    ]
    with transaction():
        found = References.for_staff(member).problems(_with(shapes))
        assert [problem.reference.loc for problem in found] == [
            ("replies", 0, "media"),
            ("replies", 1, "media"),
            ("replies", 2, "media"),
            ("replies", 3, "thumb"),
        ]


def _with(shapes: list[dict[str, str]]) -> RuleSpec:
    dumped = rule_with().dump()
    del dumped["reply"]
    return RuleSpec.parse(dumped | {"replies": shapes})


@pytest.mark.parametrize("is_yaml", [False, True])
def test_an_import_says_of_a_picture_of_others_that_there_is_none(
    hub: Hub, member: Principal, is_yaml: bool
) -> None:
    shape = {"id": "police.picture", "name": "图", "department": "police", "keywords": ["图"]}
    document = to_yaml({"rules": [shape | {"reply": picture("人社图")}]}).encode()
    workbook = sheet(rule(1, 回复1="【图片】\n素材：人社图"))
    parsed = parse.parse_file(
        ImportFormat.YAML if is_yaml else ImportFormat.EXCEL,
        document if is_yaml else workbook,
        "规则",
        OwnerNames({}, {}),
        report_progress=lambda done: None,
    )
    with transaction():
        plan = import_plan.make_plan(parsed, member, References.for_staff(member))
    assert [problem.field for problem in plan.problems] == ["回复1"]
    assert "没有名为“人社图”的素材" in plan.problems[0].problem


def test_what_a_rule_names_already_stays(member: Principal) -> None:
    before = rule_with(reply=picture("人社图"), overrides="hrss.hello")
    with transaction():
        references = References.for_staff(member)
        kept = list(list_references(before))
        assert not list(references.problems(before, kept=kept))
        after = rule_with(reply=picture("没有"), overrides="hrss.hello")
        (problem,) = references.problems(after, kept=kept)
        assert problem.reference.name == "没有"


def test_who_writes_no_rules_may_name_nothing_of_a_department(member: Principal) -> None:
    with transaction():
        references = References.for_staff(Principal(2, "无权"))
        assert not references.departments
        assert not references.accounts
        assert not references.media_names


def test_a_role_is_granted_only_at_a_place_behind_ones_own_doors(member: Principal) -> None:
    with transaction():
        police, hrss = (departments.get_by_slug(slug).id for slug in ("police", "hrss"))
        person = members.create(sign_in_name="new", name="新人", department_id=police, now=NOW)
        for place in ({"department_id": hrss}, {"account_id": account_id("hrss")}, {}):
            with pytest.raises((Invalid, NotFound)):
                grants.create(person.id, GrantSpec(role=Role.EDITOR, **place), by=member, now=NOW)


def test_the_shape_of_stored_rules_names_what_files_name() -> None:
    assert {each.kind for each in list_references(rule_with(reply=picture("图")))} == {
        "department",
        "media",
    }
