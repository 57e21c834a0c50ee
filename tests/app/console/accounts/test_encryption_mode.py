"""The encryption mode of an account: made weaker only by whoever proves themselves again."""

import pytest

from tests.app.console.accounts._accounts import PATH, get_account
from tests.helpers.console import Console, totp_code


@pytest.mark.parametrize("mode", ["compatible", "plain"])
def test_a_weaker_mode_asks_for_the_second_factor(console: Console, mode: str) -> None:
    person, police = console.person("department_admin", "police"), console.account_id("police")
    before = get_account(police)
    edit = f"{PATH}/{police}/edit"
    typed = {
        "name": before.name,
        "original_id": before.original_id,
        "department": before.department_id,
        "kind": before.kind.value,
        "verified": "y",
        "welcome": "您好",
    }

    tired = console.client(person=person, fresh=False)
    weaker = typed | {"mode": mode, "version": before.version}
    asked = tired.post(edit, weaker)
    assert asked.status_code == 403
    assert f'value="{mode}"' in asked.text
    assert get_account(police).mode.value == "safe"
    assert tired.post(edit, weaker | {"confirm_proof": totp_code(person)}).status_code == 303
    after = get_account(police)
    assert after.mode.value == mode

    # the way back asks for nothing
    late = console.client(person=person, fresh=False)
    back = typed | {"mode": "safe", "version": after.version}
    assert late.post(edit, back).status_code == 303
    assert get_account(police).mode.value == "safe"
