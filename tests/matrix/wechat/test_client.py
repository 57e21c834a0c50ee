"""wechatpy's API classes say the call; tokens, address, errors and repeating are ours."""

import json

import pytest

from matrix.wechat import gateway
from matrix.wechat.client import WeChatClient
from matrix.wechat.errors import GatewayError, NotAuthorised, Refused, Temporary, Unconfirmed
from tests.helpers import NOW
from tests.matrix.wechat._scripted_server import ScriptedResponse, ScriptedServer
from tests.matrix.wechat.conftest import CREDENTIALS

TAGS = "/cgi-bin/tags/get"
ADD = "/cgi-bin/material/add_material"
STALE = {"errcode": 42001, "errmsg": "access_token expired"}
FRESH = {"access_token": "token-2", "expires_in": 7200}
PNG = gateway.MediaFile(b"\x89PNG-invented", "image/png", "png")


def test_a_call_nobody_has_judged_does_not_leave(scripted_server: ScriptedServer) -> None:
    with pytest.raises(LookupError, match="/cgi-bin/tags/create"):
        WeChatClient(CREDENTIALS).tag.create("新标签")

    assert not scripted_server.requests


def test_wechatpys_own_address_is_replaced_by_the_setting(scripted_server: ScriptedServer) -> None:
    scripted_server.respond(TAGS, {"tags": []})

    WeChatClient(CREDENTIALS).get(f"https://api.weixin.qq.com{TAGS}")

    assert len(scripted_server.calls(TAGS)) == 1


@pytest.mark.parametrize("elsewhere", ["https://api.weixin.qq.com.example/x", "http://127.0.0.1/x"])
def test_no_call_goes_to_another_host(scripted_server: ScriptedServer, elsewhere: str) -> None:
    with pytest.raises(LookupError):
        WeChatClient(CREDENTIALS).get(elsewhere)

    assert not scripted_server.requests


def test_a_client_has_no_session_and_no_token_store_of_its_own() -> None:
    client = WeChatClient(CREDENTIALS)

    assert not hasattr(client, "_http")
    assert not hasattr(client, "session")
    assert CREDENTIALS.secret not in repr(vars(client))


def test_a_token_the_api_class_fetched_itself_is_replaced_when_refused(
    scripted_server: ScriptedServer,
) -> None:
    scripted_server.respond(
        "/cgi-bin/stable_token", {"access_token": "token-1", "expires_in": 7200}, FRESH
    )
    scripted_server.respond(ADD, STALE, {"media_id": "m1", "url": "https://mmbiz.example/1"})

    assert gateway.upload_permanent_image(CREDENTIALS, PNG).media_id == "m1"
    assert [one.query for one in scripted_server.calls(ADD)] == [
        {"access_token": ["token-1"], "type": ["image"]},
        {"access_token": ["token-2"], "type": ["image"]},
    ]


def test_a_file_leaves_with_its_name_and_type(scripted_server: ScriptedServer) -> None:
    scripted_server.respond("/cgi-bin/media/upload", {"media_id": "m1", "created_at": 1773106200})

    gateway.upload_media(CREDENTIALS, gateway.MediaKind.IMAGE, PNG, now=NOW)

    body = scripted_server.calls("/cgi-bin/media/upload")[0].body
    assert b'name="media"; filename="file.png"' in body
    assert b"Content-Type: image/png" in body
    assert PNG.content in body


@pytest.mark.parametrize("answer", [{}, {"tags": None}, {"tags": "x"}, {"tags": {}}])
def test_an_answer_without_what_the_api_class_takes_may_be_asked_again(
    scripted_server: ScriptedServer, answer: dict[str, object]
) -> None:
    scripted_server.respond(TAGS, answer)

    with pytest.raises(Temporary) as refusal:
        gateway.list_tags(CREDENTIALS)

    assert refusal.value.call == TAGS


def test_a_missing_right_is_an_answer_only_where_it_is_asked_for(
    scripted_server: ScriptedServer,
) -> None:
    scripted_server.respond(TAGS, {"errcode": 48001, "errmsg": "api unauthorized"})

    assert not gateway.has_verified_rights(CREDENTIALS)
    with pytest.raises(NotAuthorised):
        gateway.list_tags(CREDENTIALS)

    scripted_server.respond(TAGS, {"errcode": 40013, "errmsg": "invalid appid"})
    with pytest.raises(NotAuthorised):
        gateway.has_verified_rights(CREDENTIALS)


def test_a_menu_that_is_not_there_is_none_and_no_error(scripted_server: ScriptedServer) -> None:
    scripted_server.respond("/cgi-bin/menu/get", {"errcode": 46003, "errmsg": "menu no exist"})
    scripted_server.respond(
        "/cgi-bin/menu/delconditional", {"errcode": 65301, "errmsg": "no such menu"}
    )

    assert gateway.find_menu(CREDENTIALS) is None
    gateway.delete_conditional_menu(CREDENTIALS, "7")

    scripted_server.respond("/cgi-bin/menu/trymatch", {"errcode": 46003, "errmsg": "menu no exist"})
    with pytest.raises(Refused):
        gateway.preview_menu(CREDENTIALS, "o1")


@pytest.mark.parametrize("code", [45080, 45081])
def test_a_typing_sign_nobody_would_see_is_no_error(
    scripted_server: ScriptedServer, code: int
) -> None:
    scripted_server.respond(
        "/cgi-bin/message/custom/typing", {"errcode": code, "errmsg": "no need"}
    )

    gateway.show_typing(CREDENTIALS, "o1")
    gateway.hide_typing(CREDENTIALS, "o1")

    commands = [
        json.loads(one.body) for one in scripted_server.calls("/cgi-bin/message/custom/typing")
    ]
    assert [one["command"] for one in commands] == ["Typing", "CancelTyping"]


@pytest.mark.parametrize(
    ("path", "deed", "kind"),
    [
        ("/cgi-bin/clear_quota", gateway.clear_quota, Unconfirmed),
        (
            "/cgi-bin/menu/addconditional",
            lambda account: gateway.add_conditional_menu(account, (), gateway.Audience()),
            Unconfirmed,
        ),
        ("/cgi-bin/menu/create", lambda account: gateway.create_menu(account, ()), Temporary),
    ],
)
def test_only_what_may_be_repeated_is_temporary_when_cut_off(
    scripted_server: ScriptedServer, path: str, deed: object, kind: type[GatewayError]
) -> None:
    scripted_server.respond(path, ScriptedResponse(b"", status=-1))
    assert callable(deed)

    with pytest.raises(GatewayError) as refusal:
        deed(CREDENTIALS)

    assert type(refusal.value) is kind


def test_a_notice_carries_its_key_against_doubles(scripted_server: ScriptedServer) -> None:
    path = "/cgi-bin/message/template/send"
    scripted_server.respond(path, {"errcode": 0, "msgid": 7})

    assert (
        gateway.send_template_message(
            CREDENTIALS, "o1", gateway.TemplateMessage("t1", {"a": "一"}, "k-1")
        )
        == "7"
    )
    assert json.loads(scripted_server.calls(path)[0].body) == {
        "touser": "o1",
        "template_id": "t1",
        "client_msg_id": "k-1",
        "data": {"a": {"value": "一"}},
    }
