"""Every audited change, done to things of the police by the functions that the code calls.

A new action needs a step here: `test_audit_owners` names those that no step takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import pyotp

from app.audit_labels import LABELS
from config import alerts, cache_versions
from config.audit import exports, search
from config.database import session, transaction
from config.permissions import Principal
from keywords.publishing import bulk_create, policy_requests, workflow
from keywords.publishing.policy_requests import WantedPolicy
from keywords.publishing.sample_checks import SampleReport
from keywords.rules import default_replies, review_policies, rule_imports, store
from keywords.rules.replies import Text
from keywords.rules.review_policies import ReviewPolicy
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.values import Keyword
from keywords.rules.versions import RuleVersion, VersionSpec
from keywords.statistics import unanswered
from keywords.statistics.unanswered import ClusterState
from matrix import (
    accounts,
    articles,
    blocklist,
    canned_responses,
    conversations,
    departments,
    menus,
)
from matrix.accounts import key_rotation, todos
from matrix.accounts.todos import TodoKind
from matrix.articles import ArticleSpec
from matrix.conversations import ReplyForm, thread
from matrix.inbox import InboxMessage, attachments
from matrix.media import files, management
from matrix.menus import conditional
from matrix.menus.conditional import ConditionalMenuSpec
from matrix.notifications import channels, preferences
from matrix.notifications.channels import ChannelKind, ChannelSpec
from matrix.notifications.preferences import PreferencesSpec
from matrix.qrcodes import codes
from matrix.qrcodes.codes import QrCodeSpec, SceneQrCode
from matrix.staff import administration, members
from matrix.staff.grants import GrantSpec
from matrix.staff.members import Staff
from matrix.staff.roles import Role
from matrix.staff.sign_in import (
    authentication,
    ip_allowlist,
    passwords,
    sessions,
    throttle,
    two_factor,
)
from matrix.staff.sign_in.sessions import ClientInfo, SessionStage
from matrix.wechat.gateway import Audience, Button, ButtonKind, MediaKind
from services import catalogue
from services.catalogue import GuideSpec
from tests.helpers.console import PASSWORD, Console
from tests.helpers.media_files import picture
from tests.helpers.route_objects import SAMPLES

BUTTONS = (Button(name="办事", kind=ButtonKind.ASK, value="HELP"),)
REPLY_KEY = "k" * 22


@dataclass(frozen=True)
class Police:
    """The department whose things are changed, and who changes them."""

    console: Console
    by: Principal
    department_id: int
    account_id: int
    now: datetime

    def sample(self, name: str) -> int:
        """The id of something of the police, by the name that routes have for it."""
        key: int = SAMPLES[name](self.console, "police", {"account_id": self.account_id})
        return key

    def hire(self, name: str) -> Staff:
        """A person of the police. Runs inside the caller's transaction."""
        return members.create(
            sign_in_name=name, name="某甲", department_id=self.department_id, now=self.now
        )


def do_departments(police: Police) -> None:
    with transaction():
        parent, child = (
            departments.create(
                slug=slug, name=slug, kind="", parent_id=police.department_id, now=police.now
            ).id
            for slug in ("station", "desk")
        )
        departments.rename(parent, "派出所", now=police.now)
        departments.move(child, parent)
        departments.update(parent, kind="所", phone="1", details={})
        departments.merge(child, into=parent)


def do_accounts(police: Police) -> None:
    with transaction():
        key, old = police.account_id, accounts.get(police.account_id)
        spec = accounts.AccountSpec(
            **vars(accounts.spec_of(old))
            | {"appid": f"wx{77:016x}", "original_id": f"gh_{77:012d}", "name": "新号"}
        )
        made = accounts.create(spec, now=police.now)
        renamed = accounts.AccountSpec(**vars(spec) | {"name": "改名"})
        accounts.update(made.id, renamed, now=police.now)
        accounts.import_welcome(made.id, "欢迎")
        accounts.pause(key)
        accounts.resume(key)
        accounts.set_verified_until(key, until=date(2030, 1, 1))


def do_keys_and_todos(police: Police) -> None:
    key = police.account_id
    with transaction():
        todos.create_for([key], TodoKind.KEYS, "试", now=police.now)
        key_rotation.start_rotation(key, now=police.now)
        key_rotation.reveal(key)
        key_rotation.cancel_rotation(key)
        key_rotation.start_rotation(key, now=police.now)
        key_rotation.finish_rotation(key, now=police.now, force=True)
        key_rotation.submit_secret(key, "s" * 32, now=police.now)
        key_rotation.accept_secret(key, "s" * 32, now=police.now)
        todos.create_for([key], TodoKind.KEYS, "又", now=police.now)
        todo = todos.list_for_account(key)[0]
        todos.complete(todo, "已换", now=police.now)


def do_menus(police: Police) -> None:
    with transaction():
        newest = menus.find_newest(police.account_id)
        draft = menus.save_draft(
            police.by,
            police.account_id,
            BUTTONS,
            base_version=newest.version if newest else 0,
            now=police.now,
        )
        menus.push(police.by, draft.id)
        audience = ConditionalMenuSpec(name="安卓", audience=Audience(platform=2), buttons=BUTTONS)
        made = conditional.create(police.by, police.account_id, audience, now=police.now)
        conditional.delete(police.by, made.id)


def do_conversations(police: Police) -> None:
    follower, message = police.sample("follower_id"), police.sample("inbox_id")
    with transaction():
        conversations.dismiss(police.by, follower, seen_id=message, now=police.now)
        form = ReplyForm(REPLY_KEY, message)
        conversations.reply_text(police.by, follower, "您好", form=form, now=police.now)
        thread.reveal_message(police.by, follower, f"m{message}", reason="核实身份")
        blocklist.block(police.by, follower, reason="骚扰", also_at_wechat=False, now=police.now)
        blocklist.unblock(police.by, follower)


def do_attachments(police: Police) -> None:
    follower, message = police.sample("follower_id"), police.sample("inbox_id")
    with transaction():
        row = session.get_one(InboxMessage, message)
        row.kind, row.text, row.content = "image", "", {"media_id": "m1"}
        attachments.request(police.by, follower, message, now=police.now)


def do_qrcodes(police: Police) -> None:
    by, now = police.by, police.now
    with transaction():
        code = codes.create(by, police.account_id, QrCodeSpec(name="大厅"), now=now).id
        codes.rename(by, code, "窗口", version=1)
        codes.retire(by, code, version=2, now=now)
        codes.restore(by, code, version=3)
        codes.mark_failed(code, "微信拒绝")
        codes.renew(by, code, version=session.get_one(SceneQrCode, code).version)


def do_media(police: Police) -> None:
    by, now, owner = police.by, police.now, police.department_id
    first, second = (
        management.sanitize(MediaKind.IMAGE, picture(size=(side, side))) for side in (40, 50)
    )
    with transaction():
        made = management.create(by, "a.png", first, department_id=owner, now=now)
        management.replace(by, made.id, second, version=1, now=now)
        management.delete_file(by, made.id, version=2)
        files.save("b.png", MediaKind.IMAGE, first.body, digest="d", department_id=owner, now=now)


def do_content(police: Police) -> None:
    by, now, owner = police.by, police.now, police.department_id
    with transaction():
        articles.save(ArticleSpec("a", owner, "标题", "正文"), now=now)
        catalogue.upsert(GuideSpec("g", owner, "办证"), now=now)
        made = canned_responses.create(by, owner, title="好", content="您好", now=now)
        canned_responses.update(by, made.id, title="好", content="您好！", version=1)
        canned_responses.delete_response(by, made.id)


def do_staff(police: Police) -> None:
    by, now = police.by, police.now
    with transaction():
        person = police.hire("zhang.san")
        administration.update(
            by, person.id, name="某乙", department_id=police.department_id, version=1, now=now
        )
        administration.create_link(by, person.id, now=now)
        grant = administration.grant_role(
            by, person.id, GrantSpec(role=Role.EDITOR, department_id=police.department_id), now=now
        )
        administration.revoke_role(by, person.id, grant.id, now=now)
        sessions.start(person.id, SessionStage.FULL, ClientInfo("::1"), now=now)
        administration.end_sessions(by, person.id, now=now)
        for number in range(20):
            throttle.admit_sign_in(person.sign_in_name, ClientInfo(f"::{number}"), now=now)
        administration.unlock(by, person.id)
        administration.disable(by, person.id, now=now)
        administration.enable(by, person.id, now=now)
        administration.offboard(by, person.id, reason="调走", now=now)


def do_credentials(police: Police) -> None:
    now, origin = police.now, ClientInfo("127.0.0.1")
    with transaction():
        person = police.hire("li.si")
        passwords.set_password(person, PASSWORD, now=now)
        for typed, is_right in (("wrong", False), (PASSWORD, True)):
            check = authentication.check_password("li.si", typed, stored_hash=person.password_hash)
            assert bool(authentication.sign_in(check, origin, now=now)) is is_right
        totp = pyotp.TOTP(two_factor.enroll(person))
        (recovery_code, *_) = two_factor.confirm(person, totp.at(now), now=now)
        assert two_factor.verify(person, recovery_code, now=now)
        administration.reset_two_factor(police.by, person.id, now=now)


def do_networks(police: Police) -> None:
    with transaction():
        ip_allowlist.remove(ip_allowlist.add(Role.AGENT, "10.0.0.0/8", "", now=police.now).id)


def _spec(slug: str) -> RuleSpec:
    return RuleSpec(slug=slug, name=slug, keywords=(Keyword(slug),), replies=(Text("您好"),))


def _report(version: RuleVersion) -> SampleReport:
    cache_version = cache_versions.current().get(store.CACHE_KEY, 0)
    return SampleReport(version.sha256, cache_version, failing_count=0)


def do_rules(police: Police) -> None:
    now, owner = police.now, police.department_id
    with transaction():
        by_department = store.create(_spec("one"), department_id=owner, now=now)
        row = store.create(_spec("two"), account_id=police.account_id, now=now)
        store.update(
            row.id,
            _spec("two").replace(name="改"),
            version=1,
            account_id=police.account_id,
            now=now,
        )
        store.set_state(row.id, RuleState.OFF, version=2, now=now)
        store.delete(by_department.id, version=1)
        spec = VersionSpec(_spec("bulk"), None, police.account_id)
        bulk_create.insert_all([bulk_create.prepare(spec, author_id=1, submits=False, now=now)])


def _draft(police: Police, slug: str) -> RuleVersion:
    return workflow.save_draft(
        _spec(slug),
        rule_id=None,
        base_lock_version=None,
        department_id=None,
        account_id=police.account_id,
        author_id=None,
        now=police.now,
    )


def do_rule_versions(police: Police) -> None:
    now = police.now
    with transaction():
        workflow.withdraw(_draft(police, "four").id, now=now)
        submitted = workflow.submit(_draft(police, "five").id, submitter_id=1, now=now)
        workflow.reject(submitted.id, "不妥", reviewer_id=2, now=now)
        draft = _draft(police, "six")
        workflow.publish(
            draft.id,
            sha256=draft.sha256,
            submitter_id=1,
            report=_report(draft),
            policy=ReviewPolicy(needs_review=False),
            now=now,
        )


def do_rule_imports(police: Police) -> None:
    now = police.now
    with transaction():
        row = rule_imports.upload("rules.yaml", b"rules: []", by=police.by, now=now)
        rule_imports.record_check(row.id, now=now)
        rule_imports.confirm(row.id, submits=False, now=now)
        assert rule_imports.mark_applied(row.id, now=now)


def do_replies_and_policies(police: Police) -> None:
    now, owner = police.now, police.department_id
    with transaction():
        default_replies.set_fallback("您好", account_id=police.account_id, now=now)
        default_replies.clear_fallback(account_id=police.account_id, expected="您好")
        review_policies.set_policy(owner, needs_review=True, review_months=6, version=0, now=now)
        review_policies.clear(owner, version=1)
        wanted = WantedPolicy(needs_review=False, review_months=6)
        policy_requests.request(owner, wanted, base=0, by=police.by, now=now)
        policy_requests.drop(owner)


def do_unanswered(police: Police) -> None:
    done, ignored = police.sample("cluster_id"), police.sample("cluster_id")
    with transaction():
        unanswered.close(done, ClusterState.DONE, by=police.by, now=police.now)
        unanswered.reopen(done)
        unanswered.close(ignored, ClusterState.IGNORED, by=police.by, now=police.now)


def do_alerts_and_exports(police: Police) -> None:
    for_department = police.sample("alert_id")
    with transaction():
        alerts.take(police.by, for_department, now=police.now)
        alerts.release(police.by, for_department, now=police.now)
        alerts.resolve(police.by, for_department, note="已处理", now=police.now)
        exports.export_entries(
            police.by,
            search.Query(),
            exports.ExportFormat.CSV,
            action_labels=LABELS,
            resolve_names=lambda rows: {},
            now=police.now,
        )


def do_notifications(police: Police) -> None:
    now = police.now
    address = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=sample-key-1"
    with transaction():
        person = police.hire("wang.wu")
        own = Principal(person.id, person.name, {}, police.department_id)
        spec = ChannelSpec(kind=ChannelKind.WECOM, name="群", address=address)
        made = channels.add(own, spec, now=now)
        channels.update(own, made.id, spec.replace(name="新群"), version=1)
        preferences.save(own, PreferencesSpec(), version=0)
        channels.remove(own, made.id)


STEPS: list[Callable[[Police], None]] = [
    do_accounts,
    do_keys_and_todos,
    do_menus,
    do_conversations,
    do_attachments,
    do_qrcodes,
    do_media,
    do_content,
    do_staff,
    do_credentials,
    do_networks,
    do_rules,
    do_rule_versions,
    do_rule_imports,
    do_replies_and_policies,
    do_unanswered,
    do_alerts_and_exports,
    do_notifications,
    do_departments,
]
