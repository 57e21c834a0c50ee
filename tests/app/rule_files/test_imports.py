"""Imports: all of a file or nothing, told row by row, and never beyond the member's area."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import yaml
from openpyxl import load_workbook
from sqlalchemy import func, select

from app.content.export import to_yaml
from app.jobs import rule_file_imports
from app.rule_files import exports
from config import audit, clock
from config.audit import AuditEntry
from config.database import read_only, session, transaction
from config.errors import Invalid, NotFound
from config.permissions import Principal
from keywords.publishing import workflow
from keywords.rules import rule_imports, spec, store, versions
from keywords.rules.rule_imports import ImportAlreadyHandled, ImportState, RuleImport
from keywords.rules.spec import RuleSpec
from keywords.rules.store import RuleRow
from keywords.rules.versions import VersionState
from matrix import departments
from matrix.staff import grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.roles import Role
from tests.helpers import NOW
from tests.helpers.hub import Hub
from tests.helpers.workbooks import HEAD, rule, sheet

Editor = Callable[..., Principal]


@pytest.fixture
def editor(hub: Hub) -> Editor:
    """Somebody new who may write rules in a department and below, or in the city."""
    count = 0

    def make(department: str | None = "police", role: Role = Role.EDITOR) -> Principal:
        nonlocal count
        count += 1
        with transaction():
            owner = departments.get_by_slug(department).id if department else None
            person = members.create(
                sign_in_name=f"editor{count}", name=f"编辑{count}", department_id=owner, now=NOW
            )
            grants.create(
                person.id, GrantSpec(role=role, department_id=owner), by=None, now=clock.now()
            )
            held = grants.list_current([person.id])
            return grants.principal_for(person, held, today=clock.local_day(clock.now()))

    return make


def upload(member: Principal, body: bytes, filename: str = "规则.xlsx") -> int:
    """Upload and check. Gives the import's id."""
    with transaction():
        key = rule_imports.upload(filename, body, by=member, now=NOW).id
    rule_file_imports.check(import_id=key, now=clock.now())
    return key


def apply(key: int, *, submits: bool = False) -> None:
    with transaction():
        rule_imports.confirm(key, submits=submits, now=NOW)
    rule_file_imports.apply(import_id=key, now=clock.now())


def problem_lines(key: int) -> RuleImport:
    with transaction():
        return session.get_one(RuleImport, key)


def problems(key: int) -> list[str]:
    return [
        f"{each['at']} {each['field']} {each['problem']}" for each in problem_lines(key).problems
    ]


def count(table: type = RuleRow) -> int:
    with read_only():
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_good_file_becomes_drafts_and_citizens_notice_nothing(editor: Editor) -> None:
    member = editor()
    key = upload(member, sheet(*(rule(number) for number in range(1, 31))))

    seen = problem_lines(key)
    assert (seen.state, seen.total, seen.added, seen.invalid) == (ImportState.CHECKED, 30, 30, 0)
    assert seen.preview[0] == {
        "at": 2,
        "kind": "fresh",
        "code": "import.00001",
        "name": "导入规则1",
        "replaces": False,
    }
    assert count(versions.RuleVersion) == 4

    apply(key)

    assert problem_lines(key).state is ImportState.DONE
    with read_only():
        row = store.find_by_slug("import.00007")
        assert row is not None
        assert (row.state, row.department_id) == (
            spec.RuleState.DRAFT,
            departments.get_by_slug("police").id,
        )
        (version,) = versions.list_for_rule(row.id)
        assert (version.state, version.author_id) == (VersionState.DRAFT, member.staff_id)
        assert store.find_by_slug("import.00031") is None
        actors = session.scalars(
            select(AuditEntry.actor_label).where(AuditEntry.action == "rule_import.apply")
        )
        assert list(actors) == [member.name]


def test_the_same_file_twice_changes_nothing(editor: Editor) -> None:
    member = editor()
    body = sheet(*(rule(number) for number in range(1, 6)))
    apply(upload(member, body))
    before = count(versions.RuleVersion), count(AuditEntry)

    again = upload(member, body)

    seen = problem_lines(again)
    assert (seen.unchanged, seen.change_count) == (5, 0)
    apply(again)
    assert count(versions.RuleVersion) == before[0]


def test_a_changed_row_becomes_the_next_version_beside_what_is_live(editor: Editor) -> None:
    member = editor()
    body = sheet(["police.id_card", "身份证办理", "police", "身份证", "新的答复。"])

    key = upload(member, body)
    assert (problem_lines(key).changed, problem_lines(key).added) == (1, 0)
    apply(key, submits=True)

    with read_only():
        row = store.find_by_slug("police.id_card")
        assert row is not None
        assert row.state is spec.RuleState.LIVE
        assert row.replies == [{"type": "text", "content": "请到派出所办理。"}]
        newest = versions.find_newest(row.id)
        assert newest is not None
        assert (newest.number, newest.state) == (2, VersionState.SUBMITTED)
        assert newest.content["reply"]["content"] == "新的答复。"


def test_everything_that_is_wrong_is_told_row_by_row_and_nothing_is_changed(
    editor: Editor,
) -> None:
    head = (*HEAD, "优先级", "截止日期")
    rows = [
        [*rule(1), "高", "明年"],
        [*rule(2, 名称="", 回复1=""), 50, None],
        ["不是编号", "名称", "police", "词", "答", None, None],
        [*rule(3, 包含="=A1")],
        [*rule(4, department="hrss")],
        [*rule(5, department="nobody")],
        [*rule(6), 1000, None],
        rule(7),
        rule(7),
        ["hrss.card", "社保卡", "police", "词", "答"],
        [*rule(8, 回复1="【图片】\n素材：没有的图")],
        [*rule(9, department="")],
    ]
    key = upload(editor(), sheet(*rows, head=head))

    seen, found = problem_lines(key), problems(key)
    assert seen.state is ImportState.REFUSED
    assert seen.invalid == len(found)
    told_rows = {line.partition(" ")[0] for line in found}
    assert told_rows == {"2", "3", "4", "5", "6", "7", "8", "10", "11", "12", "13"}
    text = "\n".join(found)
    for words in (
        "2 优先级 应是 0 到 999 的整数",
        "2 截止日期 ",
        "3 名称 ",
        "3 回复1 至少要有一条回复",
        "4 编号 编号应是字母",
        "5 包含 单元格 D5 是公式",
        "6 单位 没有编号为“hrss”的单位",
        "7 单位 没有编号为“nobody”的单位",
        "8 优先级 ",
        "10 编号 与第 9 行的编号重复",
        "11 编号 这个编号已被其他单位使用",
        "12 回复1 没有名为“没有的图”的素材",
        "13 单位 请写明单位",
    ):
        assert words in text
    with pytest.raises(ImportAlreadyHandled):
        apply(key)
    assert count() == 4


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"not a workbook", "不是 Excel"),
        (sheet(head=("编号", "名称")), "缺少列名“回复1”"),
        (sheet(rule(1), head=("编号", "名称", "单位", "关键字", "回复1")), "没有“关键字”这一列"),
        (sheet(rule(1), head=("编号", "名称", "单位", "编号", "回复1")), "出现了两次"),
        (sheet(), "没有规则"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_said_in_one_sentence(
    editor: Editor, body: bytes, word: str
) -> None:
    key = upload(editor(), body)

    assert problem_lines(key).state is ImportState.REFUSED
    assert word in problem_lines(key).note


@pytest.mark.parametrize(
    ("filename", "body", "word"),
    [
        ("a.xlsm", b"PK", "宏"),
        ("a.csv", b"a", "xlsx"),
        ("a", b"a", "xlsx"),
        ("a.xlsx", b"", "空"),
        ("a.xlsx", bytes(5 * 2**20 + 1), "5 MB"),
    ],
)
def test_an_upload_of_another_kind_or_size_is_refused_at_once(
    editor: Editor, filename: str, body: bytes, word: str
) -> None:
    member = editor()
    with pytest.raises(Invalid, match=word), transaction():
        rule_imports.upload(filename, body, by=member, now=NOW)


def test_too_many_rows_are_refused_with_the_number(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.rule_files.parse.MAX_RULES", 3)
    key = upload(editor(), sheet(*(rule(number) for number in range(4))))

    assert "超过 3 行" in problem_lines(key).note


def test_departments_are_found_by_code_name_or_what_the_export_writes(editor: Editor) -> None:
    rows = [rule(1), rule(2, department="公安局"), rule(3, department="公安局（police）")]
    key = upload(editor(), sheet(*rows))

    assert (problem_lines(key).added, problems(key)) == (3, [])


def test_a_yaml_file_goes_the_same_way(editor: Editor) -> None:
    member = editor()
    shape = {"id": "police.dogs", "department": "police", "name": "犬证", "keywords": ["犬证"]}
    shape |= {"reply": {"type": "text", "content": "请到派出所。"}}
    good = to_yaml({"version": 1, "rules": [shape]}).encode()
    apply(upload(member, good, "规则.yaml"))
    with read_only():
        assert store.find_by_slug("police.dogs") is not None

    assert problem_lines(upload(member, good, "规则.yaml")).unchanged == 1
    wrong = to_yaml(
        {"rules": [shape | {"prioritaet": 1}, shape | {"id": "hrss.x", "department": "hrss"}]}
    )
    key = upload(member, wrong.encode(), "规则.yaml")
    assert [each["field"] for each in problem_lines(key).problems] == ["prioritaet", "单位"]
    assert "priority" in problems(key)[0]
    for body, word in ((b"rules: [", "YAML"), ("rules: 规则".encode("gbk"), "UTF-8")):
        assert word in problem_lines(upload(member, body, "规则.yaml")).note
    assert "只导入 rules" in problem_lines(upload(member, b"fallback: {text: a}", "a.yml")).note


def test_when_the_rules_move_before_the_confirmation_it_is_asked_again(editor: Editor) -> None:
    member = editor()
    key = upload(member, sheet(["police.id_card", "身份证办理", "police", "身份证", "新的。"]))
    with transaction():
        row = store.find_by_slug("police.id_card")
        assert row is not None
        workflow.save_draft(
            store.to_spec(row),
            rule_id=row.id,
            base_lock_version=None,
            department_id=row.department_id,
            account_id=None,
            author_id=None,
            now=NOW,
        )
        store.set_state(row.id, spec.RuleState.OFF, version=row.version, now=NOW)

    apply(key)

    assert problem_lines(key).state is ImportState.CHECKED
    assert "新的预览" in problem_lines(key).note
    apply(key)
    assert problem_lines(key).state is ImportState.DONE


def test_whoever_lost_the_right_meanwhile_imports_nothing(editor: Editor) -> None:
    member = editor()
    key = upload(member, sheet(rule(1)))
    with transaction():
        (grant,) = grants.list_current([member.staff_id])
        grants.revoke(grant.id, by=None, now=clock.now())

    apply(key)

    assert problem_lines(key).state is ImportState.REFUSED
    assert count() == 4


def test_a_job_that_dies_half_way_has_imported_nothing(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = upload(editor(), sheet(*(rule(number) for number in range(1, 6))))
    record = audit.record

    def die_at_the_third(action: str, *, label: str = "", **more: Any) -> AuditEntry:
        if label == "导入规则3":
            raise RuntimeError("killed")
        return record(action, label=label, **more)

    with monkeypatch.context() as patched:
        patched.setattr(audit, "record", die_at_the_third)
        with pytest.raises(RuntimeError, match="killed"):
            apply(key)
    assert count() == 4
    assert problem_lines(key).state is ImportState.APPLYING

    rule_file_imports.apply(import_id=key, now=clock.now())
    rule_file_imports.apply(import_id=key, now=clock.now())
    assert count() == 9
    assert problem_lines(key).state is ImportState.DONE


def test_an_import_belongs_to_who_brought_it(editor: Editor) -> None:
    mine, other = editor(), editor()
    key = upload(mine, sheet(rule(1)))

    with read_only():
        assert rule_imports.access_import(mine, key).id == key
        assert [row.id for row in rule_imports.list_for_staff(mine)] == [key]
        assert rule_imports.list_for_staff(other) == []
        for member, asked in ((other, key), (mine, key + 1)):
            with pytest.raises(NotFound):
                rule_imports.access_import(member, asked)


def test_an_import_can_be_given_up_once(editor: Editor) -> None:
    key = upload(editor(), sheet(rule(1)))
    with transaction():
        rule_imports.discard(key, now=NOW)

    with pytest.raises(ImportAlreadyHandled), transaction():
        rule_imports.discard(key, now=NOW)
    with read_only():
        assert rule_imports.read_content(key) == b""


def test_what_is_exported_comes_back_the_same(editor: Editor) -> None:
    boss = editor(None, Role.MATRIX_ADMIN)
    tricky = {
        "id": "police.tricky",
        "department": "police",
        "name": "=1+1",
        "keywords": ["+86", "@某 网"],
        "patterns": ["-.{2}证"],
        "replies": [{"type": "text", "content": "=HYPERLINK(1)\n'=x"}, {"type": "transfer"}],
    }
    with transaction():
        owner = departments.get_by_slug("police")
        store.upsert(RuleSpec.parse(tricky), department_id=owner.id, now=NOW)
    with read_only():
        listed = exports.list_for_staff(boss)
        excel = exports.to_xlsx(listed, {"police": "公安局", "hrss": "人社局"})
        text = exports.to_yaml_text(listed)

    for filename, body in (("a.xlsx", excel), ("a.yaml", text.encode())):
        seen = problem_lines(upload(boss, body, filename))
        assert (seen.state, seen.unchanged, seen.change_count) == (ImportState.CHECKED, 5, 0)
    book = load_workbook(BytesIO(excel))
    kinds = {cell.data_type for row in book["规则"].iter_rows() for cell in row if cell.value}
    assert kinds == {"s"}
    texts = [str(cell.value) for row in book["规则"].iter_rows() for cell in row if cell.value]
    assert not [text for text in texts if text[0] in "=+-@\t\r"]
    assert "公安局（police）" in texts


def test_an_export_holds_what_the_member_may_read(editor: Editor) -> None:
    clerk, boss = editor("hrss"), editor(None, Role.MATRIX_ADMIN)
    with read_only():
        listed = exports.list_for_staff(clerk)
        one = exports.list_for_staff(boss, account_id=1)

    assert [spec.slug for spec in listed] == ["hrss.card", "hrss.menu"]
    assert one == []
    assert yaml.safe_load(exports.to_yaml_text(listed))["rules"][0]["department"] == "hrss"
