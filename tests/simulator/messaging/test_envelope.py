"""Signing and sealing, against published and computed vectors."""

import pytest

from simulator.messaging import envelope

ZERO_KEY = "A" * 43
V1 = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJG"
    "QqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrf"
    "MZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgR"
    "tWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)
V1_REPLY = (
    "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
)
V2 = (
    "2gUBUpAeuPFKBS+gkcvrR1cBq1VjTOQluB7+FQF00VnybRpYR3xko4S4wh0qD+64cWmJfF93ZNLm+HLZBexjHLAd"
    "JBs5RBG2rP1AJnU0/1vQU/Ac9Q1Nq7vfC4l3ciF8YwhQW0o/GE4MYWWakgdwnp0hQ7aVVwqMLd67A5bsURQHJiFY"
    "/cH0fVlsKe6J3aazGhRXFCxceOq2VTJ2Eulc8aBDVSM5/lAIUA/JPq5Z2RzomM0+aoa5XIfGyAtAdlBXD0ADTemx"
    "gfYAKI5EMfKtH5za3dKV2UWbGAlJQZ0fwrwPx6Rs8MsoEtyxeQ52gO94gafA+/kIVjamKTVLSgudLLz5rAdGneKk"
    "BVhXyfyfousm1DoDRjQdAdqMWpwbeG5hanoJyJiH+humW/1q8PAAiaEfA+BOuvBk/a5xL0Q2l2k="
)
V7_KEY, V7_APPID = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "wx0000000000000001"
V7_TOKEN = "MatrixToken2024"
V7_TEXT = (
    "<xml><ToUserName><![CDATA[gh_matrix000001]]></ToUserName>"
    "<FromUserName><![CDATA[oTEST_openid_0000000000000001]]></FromUserName>"
    "<CreateTime>1760000000</CreateTime><MsgType><![CDATA[text]]></MsgType>"
    "<Content><![CDATA[办理居住证]]></Content><MsgId>25000000000000001</MsgId></xml>"
)
V7_FULL_PADDING = (
    "B2yGn7kE3nDyRso+xhlT9qtlepzD+vnLt+nCovdNxxGPXwJbCoAtJi2pukSTqNuhMeNXw81/QvJ84ZslHpXoHROT"
    "umAIedkzESPf1p5lBVYHwVqs9twUgvhVVAXqfbKE"
)


def test_the_official_sample_is_signed_and_opened_as_published() -> None:
    appid = "wxba5fad812f8e6fb9"
    assert envelope.sign("AAAAA", "1714036504", "1514711492") == (
        "f464b24fc39322e44b38aa78f5edd27bd1441696"
    )
    assert envelope.sign("AAAAA", "1714112445", "415670741", V1) == (
        "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"
    )
    opened = envelope.decrypt(V1, aes_key=ZERO_KEY, appid=appid)
    assert opened.startswith('{"ToUserName":"gh_97417a04a28d"')
    assert len(opened.encode()) == 167
    assert envelope.decrypt(V1_REPLY, aes_key=ZERO_KEY, appid=appid) == '{"demo_resp":"good luck"}'


def test_the_official_reply_is_sealed_to_the_same_bytes() -> None:
    assert (
        envelope.encrypt(
            '{"demo_resp":"good luck"}',
            aes_key=ZERO_KEY,
            appid="wxba5fad812f8e6fb9",
            random=b"707722b803182950",
        )
        == V1_REPLY
    )


def test_an_xml_message_of_another_library_opens() -> None:
    opened = envelope.decrypt(
        V2, aes_key="mNnY5GekpChwqhy2c4NBH90g3hND6GeI4gii2YCvKLY", appid="wx669ef95216eef885"
    )
    assert "<MsgId>6074746557628292943</MsgId>" in opened
    assert "你好" in opened
    assert envelope.sign("weixin", "1414387151", "917222494", V2) == (
        "ae70d4e343d946fc0477a5c760b95be0947fddbb"
    )


def test_a_chinese_message_is_sealed_and_signed_to_the_computed_values() -> None:
    inner = envelope.encrypt(V7_TEXT, aes_key=V7_KEY, appid=V7_APPID, random=b"abcdefghijklmnop")
    assert inner.startswith("Ti9n16Y/f/itlDxp3I3C2I0xTil1dCUgJwVwIHD/OyhXhAafsaoKDQx3RdNiR287")
    assert envelope.sign(V7_TOKEN, "1760000001", "1234567890", inner) == (
        "eaa3e346a30501212e0d9d3d0b35426356cf2e2a"
    )


def test_a_message_that_fills_its_block_gets_a_whole_block_of_padding() -> None:
    inner = envelope.encrypt("x" * 26, aes_key=V7_KEY, appid=V7_APPID, random=b"ABCDEFGHIJKLMNOP")
    assert inner == V7_FULL_PADDING
    assert envelope.decrypt(inner, aes_key=V7_KEY, appid=V7_APPID) == "x" * 26


@pytest.mark.parametrize(
    ("sealed", "appid"),
    [
        (V7_FULL_PADDING, "wx0000000000000002"),
        (V7_FULL_PADDING[:-4], V7_APPID),
        ("A" + V7_FULL_PADDING[1:-8] + "AAAAAAAA", V7_APPID),
        ("不是 base64", V7_APPID),
        ("", V7_APPID),
    ],
    ids=["another appid", "cut", "changed", "no base64", "empty"],
)
def test_what_was_not_sealed_for_the_account_does_not_open(sealed: str, appid: str) -> None:
    with pytest.raises(envelope.BadEnvelope):
        envelope.decrypt(sealed, aes_key=V7_KEY, appid=appid)


def test_a_signature_in_capitals_does_not_match() -> None:
    assert envelope.verify_signature(envelope.sign("t", "1", "2"), "t", "1", "2")
    assert not envelope.verify_signature(envelope.sign("t", "1", "2").upper(), "t", "1", "2")
