"""Imports: all of a file or nothing, told row by row, and never beyond the member's area."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import yaml
from openpyxl import load_workbook
from sqlalchemy import func, select

from app.exchange import sheets, working
from app.loading.export import as_yaml
from config import audit, clock
from config.audit import Entry
from config.database import reading, session, transaction
from config.errors import Invalid, NotFound
from config.tenancy import Member
from keywords import drafts, history, imports, stored, versions
from keywords.history import State as VersionState
from keywords.imports import ImportMoved, RuleImport, State
from keywords.stored import StoredRule
from matrix import departments
from matrix.staff import grants, people
from matrix.staff.grants import Wish
from matrix.staff.roles import Role
from tests.app.exchange.workbooks import HEAD, rule, sheet
from tests.fixtures import NOW
from tests.fixtures.hub import Hub

Editor = Callable[..., Member]


@pytest.fixture
def editor(hub: Hub) -> Editor:
    """Somebody new who may write rules in a department and below, or in the city."""
    count = 0

    def make(department: str | None = "police", role: Role = Role.EDITOR) -> Member:
        nonlocal count
        count += 1
        with transaction():
            owner = departments.by_code(department).id if department else None
            person = people.add(
                sign_in_name=f"editor{count}", name=f"编辑{count}", department_id=owner, now=NOW
            )
            grants.give(person.id, Wish(role, department_id=owner), by=None, now=clock.now())
            held = grants.standing([person.id])
            return grants.member(person, held, today=clock.local_day(clock.now()))

    return make


def bring(member: Member, body: bytes, filename: str = "规则.xlsx") -> int:
    """Upload and check. Gives the import's id."""
    with transaction():
        key = imports.upload(filename, body, by=member, now=NOW).id
    working.check(import_id=key, now=clock.now())
    return key


def apply(key: int, *, submits: bool = False) -> None:
    with transaction():
        imports.confirm(key, submits=submits, now=NOW)
    working.apply(import_id=key, now=clock.now())


def told(key: int) -> RuleImport:
    with transaction():
        return session.get_one(RuleImport, key)


def problems(key: int) -> list[str]:
    return [f"{each['at']} {each['field']} {each['problem']}" for each in told(key).problems]


def count(table: type = StoredRule) -> int:
    with reading():
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_good_file_becomes_drafts_and_citizens_notice_nothing(editor: Editor) -> None:
    member = editor()
    key = bring(member, sheet(*(rule(number) for number in range(1, 31))))

    seen = told(key)
    assert (seen.state, seen.total, seen.fresh, seen.wrong) == (State.CHECKED, 30, 30, 0)
    assert seen.preview[0] == {
        "at": 2,
        "kind": "fresh",
        "code": "import.00001",
        "name": "导入规则1",
        "replaces": False,
    }
    assert count(history.RuleVersion) == 4

    apply(key)

    assert told(key).state is State.DONE
    with reading():
        row = stored.by_code("import.00007")
        assert row is not None
        assert (row.state, row.department_id) == (
            drafts.State.DRAFT,
            departments.by_code("police").id,
        )
        (version,) = history.listed(row.id)
        assert (version.state, version.author_id) == (VersionState.DRAFT, member.staff_id)
        assert stored.by_code("import.00031") is None
        actors = session.scalars(
            select(Entry.actor_label).where(Entry.action == "rule_import.apply")
        )
        assert list(actors) == [member.name]


def test_the_same_file_twice_changes_nothing(editor: Editor) -> None:
    member = editor()
    body = sheet(*(rule(number) for number in range(1, 6)))
    apply(bring(member, body))
    before = count(history.RuleVersion), count(Entry)

    again = bring(member, body)

    seen = told(again)
    assert (seen.same, seen.would_change) == (5, 0)
    apply(again)
    assert count(history.RuleVersion) == before[0]


def test_a_changed_row_becomes_the_next_version_beside_what_is_live(editor: Editor) -> None:
    member = editor()
    body = sheet(["police.id_card", "身份证办理", "police", "身份证", "新的答复。"])

    key = bring(member, body)
    assert (told(key).changed, told(key).fresh) == (1, 0)
    apply(key, submits=True)

    with reading():
        row = stored.by_code("police.id_card")
        assert row is not None
        assert row.state is drafts.State.LIVE
        assert row.replies == [{"type": "text", "content": "请到派出所办理。"}]
        newest = history.newest(row.id)
        assert newest is not None
        assert (newest.number, newest.state) == (2, VersionState.SUBMITTED)
        assert newest.shape["reply"]["content"] == "新的答复。"


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
    key = bring(editor(), sheet(*rows, head=head))

    seen, found = told(key), problems(key)
    assert seen.state is State.REFUSED
    assert seen.wrong == len(found)
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
        "6 单位 这个单位不在您可以修改的范围内",
        "7 单位 没有编号为“nobody”的单位",
        "8 优先级 ",
        "10 编号 与第 9 行的编号重复",
        "11 编号 这个编号已被其他单位使用",
        "12 回复1 没有名为“没有的图”的素材",
        "13 单位 请写明单位",
    ):
        assert words in text
    with pytest.raises(ImportMoved):
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
    key = bring(editor(), body)

    assert told(key).state is State.REFUSED
    assert word in told(key).note


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
        imports.upload(filename, body, by=member, now=NOW)


def test_too_many_rows_are_refused_with_the_number(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.exchange.lines.MOST_LINES", 3)
    key = bring(editor(), sheet(*(rule(number) for number in range(4))))

    assert "超过 3 行" in told(key).note


def test_departments_are_found_by_code_name_or_what_the_export_writes(editor: Editor) -> None:
    rows = [rule(1), rule(2, department="公安局"), rule(3, department="公安局（police）")]
    key = bring(editor(), sheet(*rows))

    assert (told(key).fresh, problems(key)) == (3, [])


def test_a_yaml_file_goes_the_same_way(editor: Editor) -> None:
    member = editor()
    shape = {"id": "police.dogs", "department": "police", "name": "犬证", "keywords": ["犬证"]}
    shape |= {"reply": {"type": "text", "content": "请到派出所。"}}
    good = as_yaml({"version": 1, "rules": [shape]}).encode()
    apply(bring(member, good, "规则.yaml"))
    with reading():
        assert stored.by_code("police.dogs") is not None

    assert told(bring(member, good, "规则.yaml")).same == 1
    wrong = as_yaml(
        {"rules": [shape | {"prioritaet": 1}, shape | {"id": "hrss.x", "department": "hrss"}]}
    )
    key = bring(member, wrong.encode(), "规则.yaml")
    assert [each["field"] for each in told(key).problems] == ["prioritaet", "单位"]
    assert "priority" in problems(key)[0]
    for body, word in ((b"rules: [", "YAML"), ("rules: 规则".encode("gbk"), "UTF-8")):
        assert word in told(bring(member, body, "规则.yaml")).note
    assert "只导入 rules" in told(bring(member, b"fallback: {text: a}", "a.yml")).note


def test_when_the_rules_move_before_the_confirmation_it_is_asked_anew(editor: Editor) -> None:
    member = editor()
    key = bring(member, sheet(["police.id_card", "身份证办理", "police", "身份证", "新的。"]))
    with transaction():
        row = stored.by_code("police.id_card")
        assert row is not None
        versions.save(
            stored.to_draft(row),
            rule_id=row.id,
            base=None,
            department_id=row.department_id,
            account_id=None,
            author_id=None,
            now=NOW,
        )
        stored.switch(row.id, drafts.State.OFF, version=row.version, now=NOW)

    apply(key)

    assert told(key).state is State.CHECKED
    assert "新的预览" in told(key).note
    apply(key)
    assert told(key).state is State.DONE


def test_whoever_lost_the_right_meanwhile_imports_nothing(editor: Editor) -> None:
    member = editor()
    key = bring(member, sheet(rule(1)))
    with transaction():
        (grant,) = grants.standing([member.staff_id])
        grants.revoke(grant.id, by=None, now=clock.now())

    apply(key)

    assert told(key).state is State.REFUSED
    assert count() == 4


def test_a_job_that_dies_half_way_has_imported_nothing(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = bring(editor(), sheet(*(rule(number) for number in range(1, 6))))
    record = audit.record

    def die_at_the_third(action: str, *, label: str = "", **more: Any) -> Entry:
        if label == "导入规则3":
            raise RuntimeError("killed")
        return record(action, label=label, **more)

    with monkeypatch.context() as patched:
        patched.setattr(audit, "record", die_at_the_third)
        with pytest.raises(RuntimeError, match="killed"):
            apply(key)
    assert count() == 4
    assert told(key).state is State.APPLYING

    working.apply(import_id=key, now=clock.now())
    working.apply(import_id=key, now=clock.now())
    assert count() == 9
    assert told(key).state is State.DONE


def test_an_import_belongs_to_who_brought_it(editor: Editor) -> None:
    mine, other = editor(), editor()
    key = bring(mine, sheet(rule(1)))

    with reading():
        assert imports.access_import(mine, key).id == key
        assert [row.id for row in imports.imports_for_staff(mine)] == [key]
        assert imports.imports_for_staff(other) == []
        for member, asked in ((other, key), (mine, key + 1)):
            with pytest.raises(NotFound):
                imports.access_import(member, asked)


def test_an_import_can_be_given_up_once(editor: Editor) -> None:
    key = bring(editor(), sheet(rule(1)))
    with transaction():
        imports.discard(key, now=NOW)

    with pytest.raises(ImportMoved), transaction():
        imports.discard(key, now=NOW)
    with reading():
        assert imports.content_of(key) == b""


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
        owner = departments.by_code("police")
        stored.put(drafts.parse_rule(tricky), department_id=owner.id, now=NOW)
    with reading():
        listed = sheets.readable(boss)
        excel = sheets.as_excel(listed, {"police": "公安局", "hrss": "人社局"})
        text = sheets.as_document(listed)

    for filename, body in (("a.xlsx", excel), ("a.yaml", text.encode())):
        seen = told(bring(boss, body, filename))
        assert (seen.state, seen.same, seen.would_change) == (State.CHECKED, 5, 0)
    book = load_workbook(BytesIO(excel))
    kinds = {cell.data_type for row in book["规则"].iter_rows() for cell in row if cell.value}
    assert kinds == {"s"}
    texts = [str(cell.value) for row in book["规则"].iter_rows() for cell in row if cell.value]
    assert not [text for text in texts if text[0] in "=+-@\t\r"]
    assert "公安局（police）" in texts


def test_an_export_holds_what_the_member_may_read(editor: Editor) -> None:
    clerk, boss = editor("hrss"), editor(None, Role.MATRIX_ADMIN)
    with reading():
        listed = sheets.readable(clerk)
        one = sheets.readable(boss, account_id=1)

    assert [draft.code for draft in listed] == ["hrss.card", "hrss.menu"]
    assert one == []
    assert yaml.safe_load(sheets.as_document(listed))["rules"][0]["department"] == "hrss"
