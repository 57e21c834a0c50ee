"""Fills the tables besides those of rules and messages, so that every page has rows to show.

QR codes with scans, menus, files, canned responses, alerts, versions of rules, staff, imports,
audit rows.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import func, insert, inspect, select

from config import alerts, audit, clock
from config.database import Base, session, transaction
from keywords.rules import rule_imports, store, versions
from keywords.rules.rule_imports import RuleImport
from keywords.rules.versions import RuleVersion
from matrix import canned_responses
from matrix.inbox import attachments
from matrix.media import files
from matrix.menus import conditional
from matrix.menus import versions as menu_versions
from matrix.notifications.channels import ChannelKind, NotificationChannel
from matrix.qrcodes import codes, scan_counts
from matrix.staff.grants import Grant
from matrix.staff.members import Staff
from matrix.staff.roles import Role

Rows = Iterable[dict[str, object]]

_BATCH = 5000
_BUTTONS = [{"name": "办事", "kind": "ask", "value": "办事"}]
_DAYS = 90


def seed_related(owners: Mapping[int, int], *, share: float, now: datetime) -> None:
    """Insert related rows for every account and department of `owners`.

    `share` is the fraction of a large city's numbers.
    """
    accounts, departments = list(owners), list(dict.fromkeys(owners.values()))

    def many(count: int) -> range:
        return range(max(1, int(count * share)))

    # in the order of foreign keys: scans name codes, grants name staff
    bulk_insert(codes.SceneQrCode, _qrcodes(accounts, many(100), now))
    bulk_insert(scan_counts.QrCodeScans, _scans(len(accounts) * len(many(100)), many(_DAYS), now))
    bulk_insert(menu_versions.Menu, _menus(accounts, many(30), now))
    bulk_insert(conditional.ConditionalMenu, _conditionals(accounts, many(5), now))
    bulk_insert(files.MediaFile, _files(departments, many(50), now))
    bulk_insert(canned_responses.CannedResponse, _canned_responses(departments, many(30), now))
    bulk_insert(alerts.Alert, _alerts(departments, many(50), now))
    bulk_insert(Staff, _staff(departments, many(10), now))
    bulk_insert(Grant, _grants(_staff_rows(), now))
    bulk_insert(RuleVersion, _versions(many(2000), now))
    bulk_insert(RuleImport, _imports(_first_person(), many(200), now))
    bulk_insert(audit.AuditEntry, _audit_rows(departments, many(200_000), now))
    bulk_insert(attachments.Attachment, [_attachment(now)])
    bulk_insert(NotificationChannel, [_channel(_first_person(), now)])


def bulk_insert(table: type[Base], rows: Rows) -> None:
    """Insert rows, mappings of column to value, in batches of `_BATCH`, each in a transaction."""
    ahead = iter(rows)
    # batches in transactions of their own: one of a million rows would fill the log of the database
    while some := list(islice(ahead, _BATCH)):
        _check_columns(table, some[0])
        with transaction():
            session.execute(insert(table), some)


def _check_columns(table: type[Base], row: Mapping[str, object]) -> None:
    # SQLAlchemy passes over names it does not know, so a renamed column would silently stay empty
    unknown = row.keys() - inspect(table).column_attrs.keys()
    if unknown:
        raise KeyError(f"{table.__tablename__} has no {', '.join(sorted(unknown))}")


def _qrcodes(accounts: list[int], numbers: range, now: datetime) -> Rows:
    for account_id in accounts:
        for number in numbers:
            yield {
                "account_id": account_id,
                "name": f"窗口{number}",
                "scene": f"s{account_id}-{number}",
                "days": None,
                "state": codes.QrCodeState.READY,
                "problem": None,
                "ticket": "t",
                "url": "http://weixin.qq.com/q/x",
                "expires_at": None,
                "retired_at": None,
                "author": "某甲",
                "created_at": now,
                "version": 1,
            }


def _scans(codes: int, days: range, now: datetime) -> Rows:
    today = clock.local_day(now)
    for code_id in range(1, codes + 1):
        for day in days:
            local_day = today - timedelta(days=day)
            yield {"code_id": code_id, "local_day": local_day, "followed": 1, "scanned": 3}


def _menus(accounts: list[int], numbers: range, now: datetime) -> Rows:
    for account_id in accounts:
        for number in numbers:
            yield {
                "account_id": account_id,
                "version": number + 1,
                "buttons": _BUTTONS,
                "state": menu_versions.MenuState.PUSHED,
                "problem": None,
                "note": "",
                "author": "某甲",
                "author_id": None,
                "copied_from_id": None,
                "created_at": now,
                "pushed_at": now,
            }


def _conditionals(accounts: list[int], numbers: range, now: datetime) -> Rows:
    for account_id in accounts:
        for number in numbers:
            yield {
                "account_id": account_id,
                "name": f"分组{number}",
                "tag_id": 100 + number,
                "tag_name": "老人",
                "platform": None,
                "buttons": _BUTTONS,
                "state": conditional.ConditionalMenuState.PUBLISHED,
                "problem": None,
                "wechat_id": f"{number}",
                "author": "某甲",
                "created_at": now,
            }


def _files(departments: list[int], numbers: range, now: datetime) -> Rows:
    for department_id in departments:
        for number in numbers:
            yield {
                "name": f"photo{department_id}-{number}.png",
                "kind": files.Kind.IMAGE,
                "department_id": department_id,
                "mime": "image/png",
                "size": 200_000,
                # large enough that a list which loads contents by mistake is seen in its time
                "body": b"x" * 20_000,
                "preview": b"x" * 4000,
                "digest": "x",
                "author": "某甲",
                "created_at": now,
                "updated_at": now,
                "version": 1,
            }


def _canned_responses(departments: list[int], numbers: range, now: datetime) -> Rows:
    for department_id in departments:
        for number in numbers:
            yield {
                "department_id": department_id,
                "title": f"常用语{number}",
                "content": "您好，请带身份证到窗口办理。",
                "version": 1,
                "created_at": now,
            }


def _alerts(departments: list[int], numbers: range, now: datetime) -> Rows:
    for department_id in departments:
        for number in numbers:
            yield {
                "kind": "bench.alert",
                "subject": f"{department_id}-{number}",
                "message": "菜单推送失败",
                "details": {},
                "department_id": department_id,
                "account_id": None,
                "urgent": number % 10 == 0,
                "raised_at": now,
                "last_raised_at": now,
                "opened_at": now,
                "notify_at": None,
                "count": 1,
                "resolved_at": now if number % 2 else None,
                "resolved_by": "某甲" if number % 2 else None,
                "note": "",
            }


def _staff(departments: list[int], numbers: range, now: datetime) -> Rows:
    for department_id in departments:
        for number in numbers:
            yield {
                "sign_in_name": f"editor{department_id}-{number}",
                "name": f"某{number}",
                "department_id": department_id,
                "created_at": now,
            }


def _staff_rows() -> dict[int, int | None]:
    """The department of each editor made above, by staff id."""
    made = select(Staff.id, Staff.department_id).where(Staff.sign_in_name.startswith("editor"))
    with transaction():
        return dict(session.execute(made).tuples().all())


def _grants(staff: Mapping[int, int | None], now: datetime) -> Rows:
    for staff_id, department_id in staff.items():
        yield {
            "staff_id": staff_id,
            "role": Role.EDITOR,
            "department_id": department_id,
            "created_at": now,
        }


def _first_person() -> int:
    """The first staff member: in the page benchmark, the one who opens the pages."""
    with transaction():
        return session.scalars(select(func.min(Staff.id))).one()


def _versions(numbers: range, now: datetime) -> Rows:
    """Forty more versions of the first rule, and one waiting for review of each of the next."""
    with transaction():
        # versions need a rule to belong to
        rows = store.list_all()[: len(numbers)]
    for row in rows:
        shape = store.to_spec(row).content()
        # the first version of a rule is the published one
        last = 41 if row.id == rows[0].id else 2
        for number in range(2, last + 1):
            yield {
                "rule_id": row.id,
                "number": number,
                "lock_version": 1,
                "state": versions.VersionState.SUBMITTED
                if number == last
                else versions.VersionState.SUPERSEDED,
                "department_id": row.department_id,
                "account_id": row.account_id,
                "content": shape | {"name": f"{row.name}第{number}版"},
                "sha256": f"{row.id}-{number}",
                "author_id": None,
                "contributor_ids": [],
                "submitter_id": None,
                "reviewer_id": None,
                "comment": "",
                "created_at": now,
                "saved_at": now,
                "submitted_at": now,
                "decided_at": None,
                "published_at": None,
            }


def _imports(staff_id: int, numbers: range, now: datetime) -> Rows:
    problem = {"at": 7, "field": "keywords", "problem": "请填写关键词。"}
    for number in numbers:
        yield {
            "staff_id": staff_id,
            "staff_name": "某甲",
            "filename": f"规则{number}.xlsx",
            "format": rule_imports.ImportFormat.EXCEL,
            "sha256": "0" * 64,
            "content": b"",
            "state": rule_imports.ImportState.REFUSED,
            "rules_fingerprint": "",
            "submits": False,
            "total": 1000,
            "added": 0,
            "changed": 0,
            "unchanged": 0,
            "invalid": 100,
            # a hundred problems: a list of imports must not load them for each row
            "problems": [problem] * 100,
            "preview": [],
            "note": "",
            "created_at": now,
            "updated_at": now,
        }


def _audit_rows(departments: list[int], numbers: range, now: datetime) -> Rows:
    for number in numbers:
        yield {
            "at": now - timedelta(minutes=len(numbers) - number),
            "action": "rule.update",
            "actor_id": 1 + number % 50,
            "actor_label": f"某{number % 50}",
            "address": "10.0.0.1",
            "request_id": f"{number:012x}",
            "object_kind": "rule",
            "object_id": str(1 + number % 20_000),
            "object_label": "身份证办理",
            "department_id": departments[number % len(departments)],
            "account_id": None,
            # no seal is made for these rows: the chain does not matter to a page's time
            "before": {"name": "身份证"},
            "after": {"name": "身份证办理"},
            "reason": "",
        }


def _attachment(now: datetime) -> dict[str, object]:
    """An attachment of the first message."""
    return {
        "inbox_id": 1,
        "state": attachments.AttachmentState.STORED,
        "mime": "image/jpeg",
        "body": b"\xff\xd8\xff" + b"x" * 100_000,
        "problem": None,
        "requested_at": now,
    }


def _channel(staff_id: int, now: datetime) -> dict[str, object]:
    """A way to reach somebody, which nothing is ever sent by."""
    return {
        "staff_id": staff_id,
        "kind": ChannelKind.EMAIL,
        "name": "值班邮箱",
        "address": "duty@example.org",
        "secret": None,
        "position": 1,
        "test": None,
        "test_problem": "",
        "tested_at": None,
        "created_at": now,
        "version": 1,
    }
