"""Two accounts of two departments, people who answer for one of them, and what citizens wrote."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.jobs import conversation_updates
from config import clock
from config.database import session
from config.permissions import Permission, PermissionScope, Principal
from matrix import followers, inbox
from matrix.accounts import Account
from matrix.conversations import Conversation
from matrix.followers import Follower
from matrix.inbox import NewInboxMessage, Outcome
from matrix.staff import members
from tests.helpers import NOW
from tests.matrix.conftest import MakeAccount, MakeDepartment

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
LATER = NOW + timedelta(hours=1)

AGENT_PERMISSIONS = (Permission.CONVERSATIONS_READ, Permission.CONVERSATIONS_REPLY)


class City:
    """The accounts 公安 and 人社, agents of both, and a city's administrator."""

    def __init__(self, make_account: MakeAccount, make_department: MakeDepartment) -> None:
        self.police = make_account(1, department=make_department("police"), name="华阴公安")
        self.hrss = make_account(2, department=make_department("hrss"), name="华阴人社")
        self.agent = self.member("agent1", self.police, *AGENT_PERMISSIONS)
        self.other_agent = self.member("agent2", self.hrss, *Permission)
        self.chief = self.member("chief", self.police, *Permission)
        self._count = 0

    def member(self, name: str, account: Account, *rights: Permission) -> Principal:
        """Somebody with rights in the account's department."""
        person = members.create(
            sign_in_name=name, name=f"客服{name}", department_id=account.department_id, now=NOW
        )
        area = PermissionScope(
            departments=frozenset({account.department_id}), accounts=frozenset({account.id})
        )
        return Principal(person.id, person.name, dict.fromkeys(rights, area))

    def receive(
        self,
        openid: str,
        text: str,
        *,
        outcome: Outcome = Outcome.FALLBACK,
        account: Account | None = None,
        at: datetime = NOW,
        **more: Any,
    ) -> int:
        """A message arrives, as the callback would record it. Returns its inbox id."""
        self._count += 1
        entry = NewInboxMessage(
            account_id=(account or self.police).id,
            dedupe_key=f"m:{openid}:{self._count}",
            openid=openid,
            kind="text",
            text=text,
            content=None,
            sent_at=at,
            received_at=at,
            local_day=clock.local_day(at),
            outcome=outcome,
            rule_slug=None,
            answer="",
        )
        recorded = inbox.record(replace(entry, **more))
        followers.record_message(entry.account_id, openid, now=at)
        return recorded.id

    def follower(self, openid: str, account: Account | None = None) -> Follower:
        """Who has this openid."""
        session.expire_all()
        found = followers.find((account or self.police).id, openid)
        assert found is not None
        return found

    def project(self, at: datetime = LATER) -> None:
        """The job that fills the list."""
        session.commit()
        session.remove()
        conversation_updates.update_conversations(now=at)

    def conversation(self, openid: str) -> Conversation | None:
        """The talk as the list has it."""
        return session.get(Conversation, self.follower(openid).id)


@pytest.fixture
def city(make_account: MakeAccount, make_department: MakeDepartment) -> City:
    return City(make_account, make_department)
