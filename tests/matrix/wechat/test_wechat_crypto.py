"""A stranger's implementation (npm's wechat-crypto) and ours understand each other both ways."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from matrix.wechat import passive_replies
from matrix.wechat.messages import Text, parse_xml
from tests.helpers import NOW
from tests.matrix.wechat._callback_requests import APPID, KEY, TOKEN, CallbackRequest, envelope
from tests.matrix.wechat._payloads import ACCOUNT, CITIZEN, text

ROOT = Path(__file__).parents[3]
# Where the machine has no Node, the set-up puts one beside Python.
PATH = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])

WechatCrypto = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def wechat_crypto() -> Iterator[WechatCrypto]:
    """Asks the stranger to seal or open something with our account's keys."""
    node = shutil.which("node", path=PATH)
    assert node, "Node is missing; `make setup` brings it"
    with subprocess.Popen(
        [node, "--no-deprecation", "--unhandled-rejections=strict", "wechat_crypto.js"],
        cwd=Path(__file__).parent,
        env={"NODE_PATH": str(ROOT / "node_modules"), "PATH": PATH},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdin
        assert process.stdout
        sink, source = process.stdin, process.stdout

        def ask(**wish: str) -> dict[str, Any]:
            sink.write(json.dumps(wish | {"token": TOKEN, "key": KEY, "appid": APPID}) + "\n")
            sink.flush()
            answer: dict[str, Any] = json.loads(source.readline())
            return answer

        yield ask


TEXTS = ["你好", "身份证丢了咋办", "x", "]] >&amp;", "👨‍👩‍👧", "长" * 600, "a" * 26, "b" * 7]


@pytest.mark.parametrize("said", TEXTS, ids=len)
def test_what_wechat_crypto_encrypts_we_decrypt(wechat_crypto: WechatCrypto, said: str) -> None:
    timestamp, nonce = str(int(NOW.timestamp())), "n0nce"
    push = text(f"<![CDATA[{said}]]>").decode()

    sealed = wechat_crypto(do="seal", message=push, timestamp=timestamp, nonce=nonce)
    letter = CallbackRequest(
        (("timestamp", timestamp), ("nonce", nonce), ("msg_signature", sealed["signature"])),
        f"<xml><Encrypt><![CDATA[{sealed['encrypt']}]]></Encrypt></xml>".encode(),
    )
    opened = envelope().open(letter.query, letter.body, now=NOW)

    assert isinstance(opened.inbound, Text)
    assert opened.inbound.content == said


@pytest.mark.parametrize("said", TEXTS, ids=len)
def test_what_we_encrypt_wechat_crypto_decrypts(wechat_crypto: WechatCrypto, said: str) -> None:
    reply = passive_replies.render(
        passive_replies.Text(said), openid=CITIZEN, original_id=ACCOUNT, created_at=NOW
    )
    own = envelope()
    timestamp, nonce = str(int(NOW.timestamp())), "n0nce"
    asked = wechat_crypto(do="seal", message=text("?").decode(), timestamp=timestamp, nonce=nonce)
    letter = CallbackRequest(
        (("timestamp", timestamp), ("nonce", nonce), ("msg_signature", asked["signature"])),
        f"<xml><Encrypt>{asked['encrypt']}</Encrypt></xml>".encode(),
    )

    opened = own.open(letter.query, letter.body, now=NOW)
    answer = parse_xml(own.seal(reply, opened, now=NOW, nonce="our0wn").encode())
    heard = wechat_crypto(
        do="open",
        encrypt=str(answer["Encrypt"]),
        timestamp=str(answer["TimeStamp"]),
        nonce=str(answer["Nonce"]),
    )

    assert heard["message"] == reply
    assert heard["id"] == APPID
    assert heard["signature"] == answer["MsgSignature"]
