"""QR codes with a scene: who may make them, and how often they are scanned."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from config.database import session, transaction
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission
from matrix import inbox, qrcodes
from matrix.accounts import Account, AccountKind
from matrix.inbox import NewInboxMessage, Outcome
from matrix.qrcodes import QrCodeJob, QrCodeScans, QrCodeSpec, QrCodeState, codes
from matrix.wechat.gateway import QrCode
from tests.helpers import NOW
from tests.helpers.hub import Hub
from tests.helpers.principals import accounts_scope, principal
from tests.matrix.conftest import MakeAccount

LATER = NOW + timedelta(minutes=10)
DAY = NOW.date()


class Pushes:
    """Writes pushes into the inbox, each with a key of its own."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(
        self,
        account_id: int,
        kind: str,
        text: str,
        *,
        times: int = 1,
        day: date = DAY,
        received_at: datetime = NOW,
    ) -> None:
        for _ in range(times):
            self.number += 1
            inbox.record(
                NewInboxMessage(
                    account_id=account_id,
                    dedupe_key=str(self.number),
                    openid="o1",
                    kind=kind,
                    text=text,
                    content=None,
                    sent_at=received_at,
                    received_at=received_at,
                    local_day=day,
                    outcome=Outcome.SILENT,
                    rule_slug=None,
                    answer="",
                )
            )


@pytest.fixture
def push() -> Pushes:
    return Pushes()


def counted(code_id: int) -> list[tuple[date, int, int]]:
    rows = session.scalars(
        select(QrCodeScans).where(QrCodeScans.code_id == code_id).order_by(QrCodeScans.local_day)
    )
    return [(row.local_day, row.followed, row.scanned) for row in rows]


# ---- making ----


def test_a_qr_code_is_asked_for_once_and_is_ready_when_wechat_made_it(
    make_account: MakeAccount, enqueued_jobs: Callable[[], list[str]]
) -> None:
    account = make_account(1)

    code = qrcodes.create(
        principal(), account.id, QrCodeSpec(name="一号窗口", scene="window-1"), now=NOW
    )
    qrcodes.mark_ready(code.id, QrCode("ticket", "http://weixin.qq.com/q/1", None), now=NOW)

    assert enqueued_jobs().count(QrCodeJob.CREATE) == 1
    assert (code.state, code.url) == (QrCodeState.READY, "http://weixin.qq.com/q/1")
    assert not code.is_expired(NOW + timedelta(days=4000))


def test_a_qr_code_without_a_scene_gets_one_that_wechat_takes(make_account: MakeAccount) -> None:
    account = make_account(1)
    made = [
        qrcodes.create(principal(), account.id, QrCodeSpec(name="窗口"), now=NOW).scene
        for _ in range(2)
    ]

    assert len(set(made)) == 2
    for scene in made:
        assert QrCodeSpec(name="窗口", scene=scene).scene == scene


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "名" * 61}, "name"),
        ({"scene": "a" * 65}, "scene"),
        ({"scene": "一号"}, "scene"),
        ({"scene": "a b"}, "scene"),
        ({"days": 31}, "days"),
        ({"days": 0}, "days"),
    ],
)
def test_a_wrong_spec_is_named_by_its_field(written: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        QrCodeSpec(**{"name": "窗口"} | written)
    assert caught.value.field == field


def test_a_scene_belongs_to_one_qr_code_of_an_account(make_account: MakeAccount) -> None:
    first, second = make_account(1), make_account(2)
    qrcodes.create(principal(), first.id, QrCodeSpec(name="窗口", scene="window"), now=NOW)
    qrcodes.create(principal(), second.id, QrCodeSpec(name="窗口", scene="window"), now=NOW)

    with pytest.raises(Invalid, match="已有二维码"):
        qrcodes.create(principal(), first.id, QrCodeSpec(name="另一个", scene="window"), now=NOW)


def test_an_account_has_so_many_permanent_qr_codes_and_no_more(
    make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "MAX_PERMANENT", 1)
    account, other = make_account(1), make_account(2)
    qrcodes.create(principal(), other.id, QrCodeSpec(name="别处"), now=NOW)
    qrcodes.create(principal(), account.id, QrCodeSpec(name="短期", days=30), now=NOW)
    qrcodes.create(principal(), account.id, QrCodeSpec(name="长期"), now=NOW)

    with pytest.raises(qrcodes.QrCodeLimitReached, match="1 个"):
        qrcodes.create(principal(), account.id, QrCodeSpec(name="又一个"), now=NOW)
    qrcodes.create(principal(), account.id, QrCodeSpec(name="又一个短期", days=1), now=NOW)


@pytest.mark.parametrize("changes", [{"verified": False}, {"kind": AccountKind.SUBSCRIPTION}])
def test_only_verified_service_accounts_have_qr_codes(
    make_account: MakeAccount, changes: dict[str, object]
) -> None:
    account = make_account(1, **changes)
    with pytest.raises(qrcodes.QrCodesNotAvailable, match="账号1"):
        qrcodes.create(principal(), account.id, QrCodeSpec(name="窗口"), now=NOW)


def test_an_expired_qr_code_can_be_created_again(
    make_account: MakeAccount, enqueued_jobs: Callable[[], list[str]]
) -> None:
    code = qrcodes.create(principal(), make_account(1).id, QrCodeSpec(name="活动", days=7), now=NOW)
    qrcodes.mark_ready(code.id, QrCode("t", "u", NOW + timedelta(days=7)), now=NOW)
    session.expire_all()
    assert code.is_expired(NOW + timedelta(days=8))

    qrcodes.renew(principal(), code.id, version=code.version)

    assert code.state is QrCodeState.WAITING
    with pytest.raises(Stale):
        qrcodes.rename(principal(), code.id, "别名", version=1)


def test_another_departments_qr_code_is_not_there(make_account: MakeAccount) -> None:
    mine, theirs = make_account(1), make_account(2)
    code = qrcodes.create(principal(), theirs.id, QrCodeSpec(name="窗口"), now=NOW)
    clerk = principal(accounts_scope(mine.id))

    for attempt in (
        lambda: qrcodes.access_qrcode(clerk, code.id, Permission.ACCOUNTS_READ),
        lambda: qrcodes.create(clerk, theirs.id, QrCodeSpec(name="窗口"), now=NOW),
        lambda: qrcodes.rename(clerk, code.id, "别名", version=1),
        lambda: qrcodes.renew(clerk, code.id, version=1),
        lambda: qrcodes.retire(clerk, code.id, version=1, now=NOW),
        lambda: qrcodes.scans_for_staff(clerk, code.id, since=DAY),
        lambda: qrcodes.access_qrcode(principal(), 4711, Permission.ACCOUNTS_READ),
        lambda: qrcodes.create(principal(), 4711, QrCodeSpec(name="窗口"), now=NOW),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert qrcodes.list_for_staff(clerk) == []


def test_the_list_finds_by_name_scene_and_account_and_pages_on(
    make_account: MakeAccount, push: Pushes
) -> None:
    first, second = make_account(1), make_account(2)
    made = [
        qrcodes.create(principal(), account.id, QrCodeSpec(name=name, scene=scene), now=NOW)
        for account, name, scene in (
            (first, "一号窗口", "w1"),
            (first, "二号窗口", "w2"),
            (second, "100%_门口", "door"),
        )
    ]
    push(first.id, "scanned", "w1", times=2)
    qrcodes.count_scans(now=LATER)

    def found(**wanted: object) -> list[str]:
        return [one.qrcode.scene for one in qrcodes.list_for_staff(principal(), **wanted)]

    assert found() == ["door", "w2", "w1"]
    assert found(limit=1, before=made[2].id) == ["w2"]
    assert found(words="窗口") == ["w2", "w1"]
    assert found(words="%_") == ["door"], "a wildcard is a letter like others"
    assert found(words="w1") == ["w1"]
    assert found(account_id=second.id) == ["door"]
    qrcodes.retire(principal(), made[0].id, version=1, now=NOW)
    assert (found(words="w1"), found(retired=True)) == ([], ["w1"])
    (listed,) = qrcodes.list_for_staff(principal(), retired=True)
    assert (listed.account, listed.followed, listed.scanned) == ("账号1", 0, 2)


# ---- counting ----


def test_scans_are_counted_by_qr_code_and_day_and_apart_from_new_followers(
    make_account: MakeAccount, push: Pushes
) -> None:
    account, other = make_account(1), make_account(2)
    code = qrcodes.create(principal(), account.id, QrCodeSpec(name="窗口", scene="w"), now=NOW)
    twin = qrcodes.create(principal(), other.id, QrCodeSpec(name="窗口", scene="w"), now=NOW)
    push(account.id, "scanned", "w", times=3)
    push(account.id, "followed", "w", times=2)
    push(account.id, "scanned", "w", day=DAY + timedelta(days=1))
    push(other.id, "scanned", "w")
    # noise
    push(account.id, "scanned", "another")
    push(account.id, "followed", "")
    push(account.id, "text", "w")
    push(account.id, "menu_clicked", "w")

    qrcodes.count_scans(now=LATER)

    assert counted(code.id) == [(DAY, 2, 3), (DAY + timedelta(days=1), 0, 1)]
    assert counted(twin.id) == [(DAY, 0, 1)]
    assert [scans.local_day for scans in qrcodes.scans_for_staff(principal(), code.id, since=DAY)]


def test_counting_twice_counts_nothing_twice(make_account: MakeAccount, push: Pushes) -> None:
    account = make_account(1)
    code = qrcodes.create(principal(), account.id, QrCodeSpec(name="窗口", scene="w"), now=NOW)
    push(account.id, "scanned", "w", times=2)

    for _ in range(3):
        qrcodes.count_scans(now=LATER)
    push(account.id, "followed", "w")
    qrcodes.count_scans(now=LATER)

    assert counted(code.id) == [(DAY, 1, 2)]


def test_what_may_still_be_joined_by_a_slower_push_waits(
    make_account: MakeAccount, push: Pushes
) -> None:
    account = make_account(1)
    code = qrcodes.create(principal(), account.id, QrCodeSpec(name="窗口", scene="w"), now=NOW)
    push(account.id, "scanned", "w")
    push(account.id, "text", "您好", received_at=LATER)
    push(account.id, "scanned", "w")

    qrcodes.count_scans(now=LATER)
    assert counted(code.id) == [(DAY, 0, 1)], "not beyond the push that just came"

    qrcodes.count_scans(now=LATER + timedelta(hours=1))
    assert counted(code.id) == [(DAY, 0, 2)]


def test_a_long_inbox_is_counted_in_batches_that_ask_for_the_next(
    make_account: MakeAccount,
    push: Pushes,
    enqueued_jobs: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("matrix.qrcodes.scan_counts._READ_BATCH", 3)
    account = make_account(1)
    code = qrcodes.create(principal(), account.id, QrCodeSpec(name="窗口", scene="w"), now=NOW)
    for _ in range(4):
        push(account.id, "scanned", "w")
        push(account.id, "text", "您好")

    qrcodes.count_scans(now=LATER)
    assert (counted(code.id), enqueued_jobs().count(QrCodeJob.COUNT_SCANS)) == (
        [(DAY, 0, 2)],
        1,
    )
    qrcodes.count_scans(now=LATER)
    qrcodes.count_scans(now=LATER)

    assert counted(code.id) == [(DAY, 0, 4)]
    assert enqueued_jobs().count(QrCodeJob.COUNT_SCANS) == 1, (
        "while one waits no other is asked for"
    )


def test_a_count_that_is_killed_leaves_nothing_and_the_next_one_is_whole(
    hub: Hub, push: Pushes
) -> None:
    with transaction():
        account = session.scalars(
            select(Account).where(Account.appid == hub.keys["police"].appid)
        ).one()
        account_id = account.id
        code_id = qrcodes.create(
            principal(), account_id, QrCodeSpec(name="窗口", scene="w"), now=NOW
        ).id
        push(account_id, "scanned", "w", times=2)

    class Killed(BaseException):
        pass

    def killed_on_the_way() -> None:
        with transaction():
            qrcodes.count_scans(now=LATER)
            raise Killed

    with pytest.raises(Killed):
        killed_on_the_way()
    with transaction():
        assert counted(code_id) == []
        qrcodes.count_scans(now=LATER)
    with transaction():
        assert counted(code_id) == [(DAY, 0, 2)]


def test_a_code_that_is_not_there_is_not_found(rolled_back: None) -> None:
    with pytest.raises(NotFound):
        qrcodes.get(404)
