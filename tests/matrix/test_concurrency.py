"""The same form saved by several people at once: one of them wins, the others are told."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from config.database import run_in_transaction, session, transaction
from config.errors import NotFound, Stale
from matrix import accounts, canned_responses, departments, qrcodes
from matrix.canned_responses import CannedResponse
from matrix.qrcodes import QrCodeSpec
from matrix.staff import authentication, members, passwords
from matrix.staff.authentication import SignInResult
from matrix.staff.sessions import ClientInfo
from tests.helpers import NOW, concurrency
from tests.helpers.console import PASSWORD
from tests.helpers.hub import Hub
from tests.helpers.principals import principal

# saves a form that saw the first version; the argument tells one person from the others
Deed = Callable[[int], object]


def of_department() -> Deed:
    key = departments.create(slug="new", name="新单位", kind="", now=NOW).id
    return lambda number: departments.rename(key, f"名称{number}", now=NOW, version=1)


def of_account() -> Deed:
    account = accounts.get_by_appid(session.scalars(select(accounts.Account.appid)).first() or "")
    spec, version = accounts.spec_of(account), account.version
    return lambda number: accounts.update(
        account.id, spec.replace(name=f"名称{number}"), now=NOW, version=version
    )


def of_person() -> Deed:
    key = members.create(sign_in_name="anna", name="安娜", department_id=None, now=NOW).id
    return lambda number: members.update(key, name=f"名称{number}", department_id=None, version=1)


def of_canned_response() -> Deed:
    owner = departments.get_by_slug("police").id
    key = canned_responses.create(principal(), owner, title="问好", content="您好！", now=NOW).id
    return lambda number: canned_responses.update(
        principal(), key, title="问好", content=f"{number}", version=1
    )


def of_qrcode() -> Deed:
    account = session.scalars(select(accounts.Account.id).where(accounts.Account.verified)).first()
    assert account is not None
    key = qrcodes.create(principal(), account, QrCodeSpec(name="窗口"), now=NOW).id
    return lambda number: qrcodes.rename(principal(), key, f"窗口{number}", version=1)


def run_in_transactions(deed: Deed) -> list[object]:
    """What each of the people got, or the class of the error that stopped them."""
    return concurrency.run_concurrently(lambda number: run_in_transaction(lambda: deed(number)))


@pytest.mark.parametrize(
    "make", [of_department, of_account, of_person, of_canned_response, of_qrcode]
)
def test_of_those_who_save_a_form_at_once_one_wins(hub: Hub, make: Callable[[], Deed]) -> None:
    with transaction():
        save = make()

    outcomes = run_in_transactions(save)

    assert outcomes.count(Stale) == concurrency.PEOPLE - 1, outcomes


def test_who_saves_while_another_deletes_is_told_or_was_faster(hub: Hub) -> None:
    with transaction():
        save = of_canned_response()
        key = session.scalars(select(CannedResponse.id)).one()

    def save_or_delete(number: int) -> object:
        if number == 0:
            return canned_responses.delete_response(principal(), key)
        return type(save(number))

    deleted, *saved = run_in_transactions(save_or_delete)

    assert deleted is None
    assert set(saved) <= {CannedResponse, Stale, NotFound}
    assert saved.count(CannedResponse) <= 1


def test_sign_ins_at_once_all_succeed_and_leave_an_open_form_valid(hub: Hub) -> None:
    with transaction():
        save = of_person()
        person = members.find_by_sign_in_name("anna")
        assert person is not None
        passwords.set_password(person, PASSWORD, now=NOW)

    signed_in = run_in_transactions(
        lambda number: type(
            authentication.sign_in("anna", PASSWORD, ClientInfo("203.0.113.9"), now=NOW)
        )
    )

    assert signed_in == [SignInResult] * concurrency.PEOPLE
    with transaction():
        save(1)
