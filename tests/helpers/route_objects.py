"""One object of each kind that a path can name, created in a department.

A route with a new part in its path needs an entry in SAMPLES. A part that means something else in
one route has one in BY_ROUTE, a fixed word one in LITERALS.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from config import alerts, audit, clock
from config.database import session, transaction
from config.permissions import Permission, PermissionScope, Principal
from keywords.publishing import workflow as rule_versions
from keywords.rules import rule_imports, store
from keywords.rules.store import RuleRow
from keywords.statistics import unanswered
from keywords.statistics.unanswered import Cluster
from matrix import followers
from matrix.accounts import todos
from matrix.accounts.todos import AccountTodo
from matrix.canned_responses import CannedResponse
from matrix.inbox import InboxMessage
from matrix.media import files
from matrix.media.files import MediaFile
from matrix.menus import conditional, versions
from matrix.menus.conditional import ConditionalMenu
from matrix.menus.remote_state import RemoteMenu
from matrix.menus.versions import Menu
from matrix.qrcodes import codes
from matrix.qrcodes.codes import SceneQrCode
from matrix.staff import grants
from matrix.staff.roles import Role
from matrix.staff.sign_in import ip_allowlist, one_time_links, sessions
from matrix.staff.sign_in.one_time_links import LinkPurpose
from matrix.staff.sign_in.sessions import StaffSession
from tests.helpers import sample_channels
from tests.helpers.console import Console
from tests.helpers.sample_names import SampleAlert

Values = dict[str, Any]
MakeSample = Callable[[Console, str, Values], Any]


def _staff(console: Console, code: str, values: Values) -> int:
    key, stage = console.person("editor", code).id, sessions.SessionStage.FULL
    with transaction():
        sessions.start(key, stage, sessions.ClientInfo("::1"), now=clock.now())
    return key


def _grant(console: Console, code: str, values: Values) -> int:
    with transaction():
        return grants.list_current([values["staff_id"]])[0].id


def _session(console: Console, code: str, values: Values) -> int:
    owner = values.get("staff_id") or _staff(console, code, values)
    with transaction():
        return session.scalars(select(StaffSession.id).where(StaffSession.staff_id == owner)).one()


def _entry(console: Console, code: str, values: Values) -> int:
    owner = console.department_id(code)
    with transaction():
        row = audit.record(alerts.AlertAction.RESOLVE, owner=audit.Owner(owner), object_id=1)
        session.flush()
        return row.id


def _rule(console: Console, code: str, values: Values) -> int:
    owner = console.department_id(code)
    with transaction():
        rows = select(RuleRow.id).where(RuleRow.department_id == owner)
        return session.scalars(rows.order_by(RuleRow.id).limit(1)).one()


def _alert(console: Console, code: str, values: Values) -> int:
    owner, subject = console.department_id(code), f"{code}/sample"
    with transaction():
        alerts.raise_alert(SampleAlert.BROKEN, subject, "试", now=clock.now(), department_id=owner)
        return session.scalars(select(alerts.Alert.id).where(alerts.Alert.subject == subject)).one()


def _network(console: Console, code: str, values: Values) -> int:
    # belongs to the whole city, out of a department's scope. The first one admits the tests' clerks
    with transaction():
        taken = len(ip_allowlist.list_all())
        return ip_allowlist.add(Role.CLERK, f"127.{taken}.0.0/16", "", now=clock.now()).id


def _follower(console: Console, code: str, values: Values) -> int:
    account_id = console.account_id(code)
    with transaction():
        followers.record_message(account_id, "a-citizen", now=clock.now())
        found = followers.find(account_id, "a-citizen")
        assert found is not None
        return found.id


def _todo(console: Console, code: str, values: Values) -> int:
    account_id = console.account_id(code)
    with transaction():
        todos.create_for([account_id], todos.TodoKind.KEYS, "试", now=clock.now())
        session.flush()
        rows = select(AccountTodo.id).where(AccountTodo.account_id == account_id)
        return session.scalars(rows.limit(1)).one()


def _link(console: Console, code: str, values: Values) -> str:
    person = console.person("editor", code)
    with transaction():
        return one_time_links.create(LinkPurpose.RESET, person.id, now=clock.now())


def _row(row: Any) -> int:
    with transaction():
        session.add(row)
        session.flush()
        key: int = row.id
    return key


def _menu(console: Console, code: str, values: Values) -> int:
    account_id = console.account_id(code)
    with transaction():
        last = session.scalar(select(func.max(Menu.version)).where(Menu.account_id == account_id))
    return _row(
        Menu(
            account_id=account_id,
            version=(last or 0) + 1,
            buttons=[{"name": "办事", "kind": "ask", "value": "办事"}],
            state=versions.MenuState.PUSHED,
            problem=None,
            note="",
            author="",
            created_at=clock.now(),
            pushed_at=clock.now(),
        )
    )


def _conditional(console: Console, code: str, values: Values) -> int:
    return _row(
        ConditionalMenu(
            account_id=console.account_id(code),
            name="试",
            tag_id=2,
            tag_name="星标组",
            platform=None,
            buttons=[{"name": "办事", "kind": "ask", "value": "办事"}],
            state=conditional.ConditionalMenuState.PUBLISHED,
            problem=None,
            wechat_id="1",
            author="",
            created_at=clock.now(),
        )
    )


def _remote_menu(console: Console, code: str, values: Values) -> int:
    account_id, now = values["account_id"], clock.now()
    with transaction():
        person = f"citizen{session.scalar(select(func.count(RemoteMenu.id)))}"
    times = {"requested_at": now, "seen_at": now}
    return _row(
        RemoteMenu(
            account_id=account_id,
            person=person,
            **times,
            is_open=True,
            buttons=[],
            tags=[],
            problem=None,
        )
    )


def _qrcode(console: Console, code: str, values: Values) -> int:
    account_id = console.account_id(code)
    with transaction():
        scene = f"s{session.scalar(select(func.count()).select_from(SceneQrCode))}"
    return _row(
        SceneQrCode(
            account_id=account_id,
            name="大厅",
            scene=scene,
            days=None,
            state=codes.QrCodeState.READY,
            problem=None,
            ticket="t",
            url="http://weixin.qq.com/q/x",
            expires_at=None,
            retired_at=None,
            author="",
            created_at=clock.now(),
            version=1,
        )
    )


def _file(console: Console, code: str, values: Values) -> int:
    owner, now = console.department_id(code), clock.now()
    with transaction():
        name = f"photo{session.scalar(select(func.count()).select_from(MediaFile))}.png"
    return _row(
        MediaFile(
            name=name,
            kind=files.Kind.IMAGE,
            department_id=owner,
            mime="image/png",
            size=1,
            body=b"x",
            preview=b"x",
            digest="x",
            author="",
            created_at=now,
            updated_at=now,
            version=1,
        )
    )


def _version(console: Console, code: str, values: Values) -> int:
    rule_id, owner = _rule(console, code, values), console.department_id(code)
    with transaction():
        row = store.get(rule_id)
        spec = store.to_spec(row).replace(name=f"{row.name}二")
        return rule_versions.save_draft(
            spec,
            rule_id=rule_id,
            base_lock_version=None,
            department_id=owner,
            account_id=None,
            author_id=None,
            now=clock.now(),
        ).id


def _message(console: Console, code: str, values: Values) -> int:
    console.hub.push(code, console.hub.text("a-citizen", "您好", to=code))
    with transaction():
        newest = select(InboxMessage.id).order_by(InboxMessage.id.desc()).limit(1)
        return session.scalars(newest).one()


def _canned_response(console: Console, code: str, values: Values) -> int:
    owner = console.department_id(code)
    with transaction():
        title = f"常用语{session.scalar(select(func.count()).select_from(CannedResponse))}"
    return _row(
        CannedResponse(department_id=owner, title=title, content="您好", created_at=clock.now())
    )


def _cluster(console: Console, code: str, values: Values) -> int:
    now = clock.now()
    return _row(
        Cluster(
            account_id=console.account_id(code),
            text="怎么没人回答",
            samples=[],
            reason=next(iter(unanswered.UnansweredReason)),
            count=1,
            count_since_closed=0,
            first_at=now,
            last_at=now,
            state=unanswered.ClusterState.OPEN,
            rule_slug="",
            closed_by_id=None,
            closed_by_name="",
            closed_at=None,
        )
    )


def _import(console: Console, code: str, values: Values) -> int:
    owner = console.person("editor", code)
    by = Principal(owner.id, owner.name, {Permission.RULES_WRITE: PermissionScope(everywhere=True)})
    with transaction():
        return rule_imports.upload("rules.yaml", b"rules: []", by=by, now=clock.now()).id


# by the name of the part in the path; what depends on another stands below it
SAMPLES: dict[str, MakeSample] = {
    "account_id": lambda console, code, values: console.account_id(code),
    "alert_id": _alert,
    "department_id": lambda console, code, values: console.department_id(code),
    "entry_id": _entry,
    "cluster_id": _cluster,
    "follower_id": _follower,
    "import_id": _import,
    "inbox_id": _message,
    "network_id": _network,
    "canned_response_id": _canned_response,
    "channel_id": sample_channels.make,
    "rule_id": _rule,
    "qrcode_id": _qrcode,
    "file_id": _file,
    "menu_id": _menu,
    "secret": _link,
    "remote_menu_id": _remote_menu,
    "staff_id": _staff,
    "todo_id": _todo,
    "grant_id": _grant,
    "session_id": _session,
    "version_id": _version,
}
# owned by one person or the whole city, or perhaps without a file: no department's role opens them
NOT_DEPARTMENT_SCOPED = {"channel_id", "import_id", "inbox_id", "network_id"}
# parts that mean something else in one route, by endpoint and name
BY_ROUTE: dict[tuple[str, str], MakeSample] = {
    ("menus.delete_conditional", "menu_id"): _conditional,
}
LITERALS: dict[str, Any] = {"kind": "svg", "extension": "png", "number": 1}
