"""Protocol: the judge of replies accepts what WeChat accepts, and nothing else."""

import pytest

from bench.load.protocol import (
    AnyText,
    Expected,
    Message,
    PushCipher,
    WrongReply,
    check_reply,
    derive_accounts,
    push,
    signature,
)

ACCOUNT, OTHER_ACCOUNT = derive_accounts(2)
OPENID = "o123456"
REPLY = (
    "<xml><ToUserName><![CDATA[{to}]]></ToUserName>"
    "<FromUserName><![CDATA[{account}]]></FromUserName><CreateTime>{created}</CreateTime>"
    "<MsgType><![CDATA[{kind}]]></MsgType><Content><![CDATA[{content}]]></Content></xml>"
)
RIGHT = {
    "to": OPENID,
    "account": ACCOUNT.original_id,
    "created": "1760000000",
    "kind": "text",
    "content": "带身份证来",
}


def sealed(text: str, box: PushCipher | None = None, token: str = ACCOUNT.token) -> bytes:
    """An encrypted reply."""
    encrypted = (box or PushCipher(ACCOUNT)).encrypt(text)
    signed = signature(token, "1760000000", "n1", encrypted)
    return (
        f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt><MsgSignature>{signed}</MsgSignature>"
        "<TimeStamp>1760000000</TimeStamp><Nonce>n1</Nonce></xml>"
    ).encode()


def judge(body: bytes, expected: Expected = "带身份证来", box: PushCipher | None = None) -> str:
    """What is wrong with a reply, "" when nothing is."""
    try:
        check_reply(body, ACCOUNT, box or PushCipher(ACCOUNT), OPENID, expected)
    except WrongReply as error:
        return str(error)
    return ""


def test_a_right_reply_is_right() -> None:
    assert judge(sealed(REPLY.format(**RIGHT))) == ""
    assert judge(sealed(REPLY.format(**RIGHT)), AnyText()) == ""


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("content", "别的", "content"),
        ("content", "", "content"),
        ("to", "o999999", "addressing"),
        ("account", "gh_other", "addressing"),
        ("created", "now", "CreateTime"),
        ("kind", "image", "MsgType"),
    ],
)
def test_a_wrong_field_is_found(field: str, value: str, reason: str) -> None:
    assert judge(sealed(REPLY.format(**{**RIGHT, field: value}))) == reason


def test_a_foreign_signature_or_appid_is_found() -> None:
    text = REPLY.format(**RIGHT)
    foreign = PushCipher(OTHER_ACCOUNT)

    assert judge(sealed(text, token="other")) == "signature"
    assert judge(sealed(text, box=foreign), box=foreign) == ""
    assert judge(sealed(text, box=foreign)) in ("padding", "appid")


def test_an_unencrypted_reply_to_an_encrypted_push_is_wrong() -> None:
    assert judge(REPLY.format(**RIGHT).encode()) == "envelope"


@pytest.mark.parametrize("body", [b"", b"success"])
def test_an_empty_reply_is_right_only_when_none_is_expected(body: bytes) -> None:
    assert judge(body) == "empty"
    assert judge(body, expected=None) == ""
    assert judge(sealed(REPLY.format(**RIGHT)), expected=None) == "unexpected reply"


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"<xml><Encrypt>"])
def test_what_is_no_xml_is_wrong(body: bytes) -> None:
    assert judge(body) == "ParseError"


def test_a_push_is_signed_over_its_encrypted_body() -> None:
    message = Message(OPENID, "身份证丢了", 1, 1760000000)

    query, body = push(ACCOUNT, PushCipher(ACCOUNT), message, "n2")

    encrypted = body.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    signed = signature(ACCOUNT.token, "1760000000", "n2", encrypted)
    assert f"msg_signature={signed}" in query
    assert "身份证丢了" in PushCipher(ACCOUNT).decrypt(encrypted)
    assert "Encrypt" not in push(ACCOUNT, None, message, "n2")[1]
