"""Menus of an account: versions, copies, roll-back, and who may touch them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission
from matrix import menus
from matrix.menus import MenuState, conditional
from tests.helpers import NOW
from tests.helpers.principals import accounts_scope, principal
from tests.matrix.conftest import MakeAccount, MakeDepartment

Enqueued = Callable[[], list[str]]


def asks(value: str) -> tuple[Any, ...]:
    """A menu of one button that asks something."""
    return menus.parse([{"name": "证件", "kind": "ask", "value": value}])


def pushes(enqueued_jobs: Enqueued) -> int:
    return enqueued_jobs().count(menus.MenuJob.PUSH)


# ---- buttons ----


@pytest.mark.parametrize(
    ("row", "part", "words"),
    [
        ({"name": "一二三四五六", "kind": "ask", "value": "x"}, "name", "最多 5 个汉字"),
        ({"kind": "ask", "value": "x"}, "name", "缺少名称"),
        ({"name": "官网", "kind": "link", "value": "ftp://example.org"}, "value", "http"),
        ({"name": "官网", "kind": "link", "value": "https://a:b@example.org"}, "value", "密码"),
        ({"name": "官网", "kind": "link", "value": "https://@example.org"}, "value", "密码"),
        ({"name": "官网", "kind": "link", "value": "https://exam ple.org"}, "value", "空格"),
        ({"name": "官网", "kind": "link", "value": "https:///path"}, "value", "http"),
        ({"name": "官网", "kind": "link", "value": "https://[::1"}, "value", "http"),
        ({"name": "官网", "kind": "link", "value": "javascript:alert(1)"}, "value", "http"),
        ({"name": "官网", "kind": "link", "value": "https://x.cn/" + "a" * 1024}, "value", "http"),
        ({"name": "问", "kind": "ask", "value": "字" * 43}, "value", "过长"),
        ({"name": "问", "kind": "ask", "value": "  "}, "value", "缺少"),
        ({"name": "问", "kind": "news", "value": "x"}, "kind", "不受支持"),
        ({"name": "办", "buttons": []}, "buttons", "1 到 5"),
        (
            {"name": "办", "kind": "mini_program", "value": "https://x.cn", "appid": "wx1"},
            "appid",
            "AppID",
        ),
    ],
)
def test_what_wechat_would_refuse_is_named_at_its_button(
    row: dict[str, Any], part: str, words: str
) -> None:
    good = {"name": "好", "kind": "ask", "value": "x"}

    found = [fault for fault in menus.iter_problems([good, row]) if fault.part == part]

    assert [fault.path for fault in found] == [(1,)]
    assert words in found[0].problem
    with pytest.raises(Invalid, match="menu"):
        menus.parse([good, row])


def test_every_fault_of_a_menu_is_told_not_only_the_first() -> None:
    rows = [{"name": "办", "buttons": [{"name": ""}, {"name": "字" * 21, "kind": "ask"}]}]

    found = {(fault.path, fault.part) for fault in menus.iter_problems(rows)}

    assert found == {
        ((0, 0), "name"),
        ((0, 0), "kind"),
        ((0, 1), "name"),
        ((0, 1), "value"),
    }


@pytest.mark.parametrize("rows", [None, [], [{}] * 4, "menu", [1]])
def test_what_is_no_menu_at_all_is_refused(rows: object) -> None:
    with pytest.raises(Invalid):
        menus.parse(rows)


def test_a_menu_reads_back_as_it_was_written() -> None:
    rows = [
        {"name": "官网", "kind": "link", "value": "https://example.org/?a=b"},
        {
            "name": "办事",
            "buttons": [
                {"name": "扫一扫", "kind": "scan", "value": "scan"},
                {
                    "name": "小程序",
                    "kind": "mini_program",
                    "value": "https://example.org",
                    "appid": "wx" + "0" * 16,
                    "page": "pages/index",
                },
            ],
        },
    ]
    assert menus.to_rows(menus.parse(rows)) == rows


def test_two_menus_are_compared_button_by_button() -> None:
    ours = menus.parse([{"name": "办", "buttons": [{"name": "甲", "kind": "ask", "value": "1"}]}])
    shown = menus.parse(
        [
            {"name": "办", "buttons": [{"name": "甲", "kind": "ask", "value": "2"}]},
            {"name": "新", "kind": "ask", "value": "3"},
        ]
    )

    changed, extra = menus.diff(ours, shown)

    assert changed.path == (0, 0)
    assert changed.ours is not None
    assert changed.shown is not None
    assert (changed.ours.value, changed.shown.value) == ("1", "2")
    assert (extra.path, extra.ours) == ((1,), None)
    assert menus.diff(ours, ours) == ()


# ---- versions ----


def test_a_saved_menu_is_a_draft_and_waits_for_nobody(
    make_account: MakeAccount, enqueued_jobs: Enqueued
) -> None:
    account = make_account(1)
    menu = menus.save_draft(
        principal(), account.id, asks("身份证"), base_version=0, note="初版", now=NOW
    )

    assert (menu.version, menu.state, menu.author, menu.note) == (
        1,
        MenuState.DRAFT,
        "王编辑",
        "初版",
    )
    assert pushes(enqueued_jobs) == 0
    assert menus.find_target(account.id) is None, "nobody asked for it yet"


def test_saving_the_same_again_makes_no_version(make_account: MakeAccount) -> None:
    account = make_account(1)
    first = menus.save_draft(principal(), account.id, asks("身份证"), base_version=0, now=NOW)

    assert (
        menus.save_draft(principal(), account.id, asks("身份证"), base_version=0, now=NOW) is first
    )


def test_who_edits_an_old_version_is_told_who_was_first(make_account: MakeAccount) -> None:
    account = make_account(1)
    menus.save_draft(principal(name="李编辑"), account.id, asks("身份证"), base_version=0, now=NOW)

    with pytest.raises(Stale, match="李编辑已保存了第 1 版"):
        menus.save_draft(principal(), account.id, asks("户口"), base_version=0, now=NOW)


def test_pushing_asks_once_and_leaves_an_audit_row(
    make_account: MakeAccount, enqueued_jobs: Enqueued
) -> None:
    account = make_account(1)
    menu = menus.save_draft(principal(), account.id, asks("身份证"), base_version=0, now=NOW)

    for _ in range(2):
        menus.push(principal(), menu.id)

    assert (menu.state, pushes(enqueued_jobs)) == (MenuState.WAITING, 1)
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.object_kind == "account"))
    assert {"menu.save", "menu.push"} <= set(actions)


def test_only_the_newest_version_can_be_pushed(make_account: MakeAccount) -> None:
    account = make_account(1)
    old = menus.save_draft(principal(), account.id, asks("身份证"), base_version=0, now=NOW)
    menus.save_draft(principal(), account.id, asks("户口"), base_version=1, now=NOW)

    with pytest.raises(menus.MenuSuperseded):
        menus.push(principal(), old.id)


def test_what_waits_is_overtaken_by_the_next_that_is_asked_for(make_account: MakeAccount) -> None:
    account = make_account(1)
    old = menus.save_from_file(account.id, asks("身份证"), now=NOW)
    new = menus.save_draft(principal(), account.id, asks("户口"), base_version=1, now=NOW)
    assert (old.state, menus.find_target(account.id)) == (MenuState.WAITING, old), (
        "a draft asks nothing"
    )

    menus.push(principal(), new.id)

    assert (old.state, menus.find_target(account.id)) == (MenuState.SUPERSEDED, new)


def test_an_older_menu_that_arrived_last_makes_the_newer_one_go_again(
    make_account: MakeAccount, enqueued_jobs: Enqueued
) -> None:
    account = make_account(1)
    old = menus.save_from_file(account.id, asks("身份证"), now=NOW)
    new = menus.save_from_file(account.id, asks("户口"), now=NOW)
    menus.mark_pushed(new.id, now=NOW)
    session.expire_all()
    before = pushes(enqueued_jobs)

    menus.mark_pushed(old.id, now=NOW)
    menus.mark_pushed(old.id, now=NOW)

    assert (new.state, old.state) == (MenuState.WAITING, MenuState.SUPERSEDED)
    assert pushes(enqueued_jobs) == before, "the job of the newer one is still there"


def test_a_failure_is_kept_in_words_until_the_next_push(make_account: MakeAccount) -> None:
    account = make_account(1)
    menu = menus.save_from_file(account.id, asks("身份证"), now=NOW)

    assert menus.mark_failed(menu.id, "链接的域名不对")
    assert not menus.mark_failed(menu.id, "另一个原因"), "it no longer waits"
    assert (menu.state, menu.problem) == (MenuState.FAILED, "链接的域名不对")

    menus.push(principal(), menu.id)
    assert (menu.state, menu.problem) == (MenuState.WAITING, None)


def test_rolling_back_makes_the_old_one_a_new_version(make_account: MakeAccount) -> None:
    account = make_account(1)
    old = menus.save_from_file(account.id, asks("身份证"), now=NOW)
    menus.save_from_file(account.id, asks("户口"), now=NOW)

    back = menus.restore(principal(), old.id, now=NOW)

    assert (back.version, back.buttons, back.state) == (3, old.buttons, MenuState.WAITING)
    assert back.note == "恢复第 1 版"
    assert menus.restore(principal(), old.id, now=NOW) is back, "twice is once"


def test_a_file_pushes_what_was_a_draft_of_the_same(
    make_account: MakeAccount, enqueued_jobs: Enqueued
) -> None:
    account = make_account(1)
    draft = menus.save_draft(principal(), account.id, asks("身份证"), base_version=0, now=NOW)

    assert menus.save_from_file(account.id, asks("身份证"), now=NOW) is draft
    assert (draft.state, pushes(enqueued_jobs)) == (MenuState.WAITING, 1)


# ---- several accounts ----


def test_a_copy_goes_to_each_account_the_member_may_write_to(
    make_account: MakeAccount, enqueued_jobs: Enqueued
) -> None:
    source, second, third, foreign = (make_account(number) for number in range(1, 5))
    menu = menus.save_from_file(source.id, asks("身份证"), now=NOW)
    same = menus.save_from_file(third.id, asks("身份证"), now=NOW)
    menus.mark_pushed(same.id, now=NOW)
    session.expire_all()
    before = pushes(enqueued_jobs)
    editor = principal(accounts_scope(source.id, second.id, third.id))

    chosen = [source.id, second.id, third.id, foreign.id, 4711]
    copies = menus.copy_to(editor, menu.id, chosen, now=NOW)

    assert [(copy.account, copy.is_new) for copy in copies] == [("账号2", True), ("账号3", False)]
    assert menus.find_newest(foreign.id) is None
    assert pushes(enqueued_jobs) == before + 1
    assert copies[0].menu.note == "复制自账号1第 1 版"

    again = menus.copy_to(editor, menu.id, chosen, now=NOW)
    assert [copy.menu.version for copy in again] == [2, 1], "it had not arrived yet"
    (shown,) = menus.list_copies_for_staff(editor, menu.id)
    assert (shown.account, shown.menu.version) == ("账号2", 2)


# ---- who ----


def test_another_departments_menu_is_not_there(make_account: MakeAccount) -> None:
    mine, theirs = make_account(1), make_account(2)
    menu = menus.save_from_file(theirs.id, asks("身份证"), now=NOW)
    editor = principal(accounts_scope(mine.id))

    for attempt in (
        lambda: menus.access_menu(editor, menu.id, Permission.ACCOUNTS_READ),
        lambda: menus.list_versions_for_staff(editor, theirs.id),
        lambda: menus.save_draft(editor, theirs.id, asks("x"), base_version=1, now=NOW),
        lambda: menus.push(editor, menu.id),
        lambda: menus.restore(editor, menu.id, now=NOW),
        lambda: menus.copy_to(editor, menu.id, [mine.id], now=NOW),
        lambda: menus.list_copies_for_staff(editor, menu.id),
        lambda: menus.access_menu(principal(), 4711, Permission.ACCOUNTS_READ),
        lambda: menus.save_draft(principal(), 4711, asks("x"), base_version=0, now=NOW),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert menus.find_newest(theirs.id) is menu


def test_who_may_only_read_changes_nothing(make_account: MakeAccount) -> None:
    account = make_account(1)
    menu = menus.save_from_file(account.id, asks("身份证"), now=NOW)
    auditor = principal(accounts_scope(account.id), Permission.ACCOUNTS_READ)

    assert menus.list_versions_for_staff(auditor, account.id) == [menu]
    assert menus.list_targets_for_staff(auditor) == []
    with pytest.raises(NotFound):
        menus.push(auditor, menu.id)


def test_the_list_shows_each_account_with_its_newest_version(
    make_account: MakeAccount, make_department: MakeDepartment
) -> None:
    first, second, foreign = (make_account(number) for number in range(1, 4))
    menus.save_from_file(first.id, asks("身份证"), now=NOW)
    newest = menus.save_from_file(first.id, asks("户口"), now=NOW + timedelta(days=1))
    menus.save_from_file(foreign.id, asks("身份证"), now=NOW)

    board = menus.list_newest_for_staff(principal(accounts_scope(first.id, second.id)))

    assert [(one.account, one.menu) for one in board] == [("账号1", newest), ("账号2", None)]


def test_a_menu_that_is_not_there_is_not_found(rolled_back: None) -> None:
    for get in (menus.get, conditional.get):
        with pytest.raises(NotFound):
            get(404)
