"""Every return code of the platform's list has a meaning, words and a reaction."""

from datetime import UTC, datetime, timedelta

import pytest

from config import clock
from matrix.wechat.errors import (
    GatewayError,
    NotAuthorised,
    QuotaUsed,
    Refused,
    StaleToken,
    Temporary,
    Unconfirmed,
    error_for,
)
from matrix.wechat.return_codes import MEANINGS, Reaction, RetryAfter, meaning_of

# The platform's global list: single codes and ranges, by the letter of the reference.
LISTED = {
    Reaction.RETRY: "-1 42010 45011 45066 53501 61005 61006 61503",
    Reaction.REFRESH_TOKEN: "40001 40014 42001 42006",
    Reaction.CONFIGURE: "40013 40037 40125 40164 40243 45035 45064 48001 48008 48015 61003 61004 "
    "61011 48004 50002 50004",
    Reaction.QUOTA: "45009 45028 48006 89506 89507",
    Reaction.RECIPIENT: "40003 49003 43004 50005 43019 43101 45015 45047 48002 50001",
    Reaction.DATA: "40004 40005 40137 40006 40009 40012 45001 40007 40015 40028 40031 40032 40039 "
    "40048 45005 40050 40051 40117 40054 40055 40059 40060 40066 40118 40121 40132 40152 40155 "
    "41039 45002 45003 45004 45006 45007 45010 45056 45059 45060 48005 45098 45099 45157 45159 "
    "45166 46001 46002 46003 46004 47003 53502 53600 65301 65317 87009 87014 88000 88011 "
    "63178 40200 65320",
    Reaction.BUG: "40002 40008 40033 47002 40035 40038 40114 40130 41001 41009 41018 41021 43001 "
    "43003 44001 44006 45008 45016 45058 45067 45072 45083 45085 47001 61014 61024 61500 61501 "
    "76001 76004 76021 76022",
    Reaction.MANUAL_ACTION: "43100 45026 45027 45029 45034 45074 45057 45062 45082 45087 "
    "45094 48013 48014 "
    "53503 53505 61451 61457 65400 65417 89000 89004 89501 89505 200011 200022",
    Reaction.SIGN_IN: "40029 40030 40163 42002 42003 42007",
    Reaction.ALREADY_DONE: "45065 45080 45081",
}


@pytest.mark.parametrize(("reaction", "codes"), LISTED.items())
def test_a_listed_code_has_its_reaction(reaction: Reaction, codes: str) -> None:
    assert {code: MEANINGS[int(code)].reaction for code in codes.split()} == dict.fromkeys(
        codes.split(), reaction
    )


@pytest.mark.parametrize(
    ("errcode", "errmsg"),
    [
        (-1000, "system error hints: [x!]"),
        (-77, ""),
        (268488001, "system busy, please try later rid: 0-0-0"),
        (999999, "服务繁忙，请稍后重试"),
    ],
)
def test_a_code_nobody_listed_that_says_busy_is_tried_again_and_a_send_is_unconfirmed(
    errcode: int, errmsg: str
) -> None:
    asked = error_for(errcode, errmsg, call="/cgi-bin/media/upload")
    sent = error_for(errcode, errmsg, call="/cgi-bin/message/custom/send", repeatable=False)
    assert isinstance(asked, Temporary)
    assert isinstance(sent, Unconfirmed)
    assert "繁忙" in str(asked)
    assert "繁忙" in str(sent)


def test_a_code_nobody_listed_is_a_fault_of_the_data() -> None:
    error = error_for(123456, "what? rid: 01234567-89abcdef-01234567", call="/cgi-bin/x")

    assert isinstance(error, Refused)
    assert error.rid == "01234567-89abcdef-01234567"
    assert error.reaction is Reaction.DATA
    assert error.facts["errmsg"] == "what? rid: 01234567-89abcdef-01234567"


@pytest.mark.parametrize("errcode", sorted(MEANINGS))
def test_every_code_becomes_an_error_staff_can_read(errcode: int) -> None:
    error = error_for(errcode, "", call="/cgi-bin/x")

    assert meaning_of(errcode).description in str(error)
    assert error.errcode == errcode
    assert isinstance(error, GatewayError)


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [
        (-1, Temporary),
        (40001, StaleToken),
        (40013, NotAuthorised),
        (45009, QuotaUsed),
        (45047, Refused),
        (47003, Refused),
        (89503, Temporary),
        (48004, NotAuthorised),
    ],
)
def test_the_kind_of_error_follows_the_reaction(errcode: int, kind: type[GatewayError]) -> None:
    assert type(error_for(errcode, "", call="/cgi-bin/x")) is kind


def test_a_missing_address_in_the_allow_list_is_named() -> None:
    error = error_for(
        40164, "invalid ip 192.0.2.7 ipv6 ::ffff:192.0.2.7, not in whitelist", call="/cgi-bin/x"
    )

    assert "192.0.2.7" in str(error)
    assert error.facts["ip"] == "192.0.2.7"


def until(errcode: int) -> datetime:
    error = error_for(errcode, "", call="/cgi-bin/x")
    assert isinstance(error, QuotaUsed)
    return error.until


def test_quotas_are_filled_at_the_citys_midnight_or_month() -> None:
    now = datetime.now(UTC)
    tomorrow, month = clock.local(until(45009)), clock.local(until(48006))

    assert (tomorrow.hour, tomorrow.minute, tomorrow.second) == (0, 0, 0)
    assert timedelta(0) < tomorrow - now <= timedelta(days=1)
    assert (month.day, month.hour) == (1, 0)
    assert timedelta(0) < month - now <= timedelta(days=31)
    assert timedelta(hours=23) < until(89506) - now < timedelta(hours=25)
    assert timedelta(minutes=59) < until(89507) - now < timedelta(minutes=61)


def test_a_wait_is_known_wherever_one_is_said() -> None:
    for errcode, meaning in MEANINGS.items():
        error = error_for(errcode, "", call="/cgi-bin/x")
        if meaning.retry_after in (RetryAfter.MINUTE, RetryAfter.MINUTES):
            assert isinstance(error, Temporary)
            assert error.retry_after
