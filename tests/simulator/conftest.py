"""A small platform with three accounts, and a server of theirs that answers as the test says."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Thread
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from flask.testing import FlaskClient
from werkzeug import Request, Response
from werkzeug.serving import make_server

import simulator
from simulator.accounts.accounts import Account, from_fields
from simulator.messaging import envelope
from simulator.platform import Platform

PushFields = dict[str, str]
KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


def account(number: int, **fields: Any) -> Account:
    """An account; what is not named is a verified service account in safe mode."""
    return from_fields(
        {
            "appid": f"wx{number:016x}",
            "original_id": f"gh_test{number:06d}",
            "name": f"华阴测试{number}",
            "department": f"d{number}",
            "secret": f"{number}" * 32,
            "token": f"Token{number}",
            "aes_key": KEY,
            **fields,
        }
    )


POLICE = account(1)
WATER = account(2, mode="plain")
NEWS = account(3, kind="subscription", verified=False, mode="compatible")
WHO = {one.appid: one for one in (POLICE, WATER, NEWS)}


class AccountServer:
    """The accounts' server; `answer` turns the opened message into fields, a text or a response."""

    def __init__(self) -> None:
        self.answer: Callable[[PushFields], PushFields | str | Response] = lambda message: "success"
        self.seen: list[PushFields] = []
        self.url = ""
        self.requests: list[tuple[dict[str, str], str]] = []

    @Request.application
    def __call__(self, request: Request) -> Response:
        mine = WHO[request.path.removeprefix("/wechat/")]
        if request.method == "GET":
            return Response(request.args["echostr"])
        body = request.get_data(as_text=True)
        self.requests.append((request.args.to_dict(), body))
        message = self.decrypt(body, mine)
        self.seen.append(message)
        answer = self.answer(message)
        if isinstance(answer, Response):
            return answer
        if isinstance(answer, str):
            return Response(answer)
        return Response(answer_for(answer, message, mine), mimetype="text/xml")

    def decrypt(self, body: str, mine: Account) -> PushFields:
        """The message inside a push, as flat fields."""
        root = ElementTree.fromstring(body)
        inner = root.findtext("Encrypt")
        if mine.mode != "plain":
            assert inner is not None
            plain = envelope.decrypt(inner, aes_key=mine.aes_key, appid=mine.appid)
            root = ElementTree.fromstring(plain)
        return {one.tag: one.text or "" for one in root.iter() if not len(one)}


def answer_for(fields: PushFields, message: PushFields, mine: Account) -> str:
    """An answer to the message; fields beginning with `<` are raw XML."""
    raw = fields.get("<", "")
    whole = {
        "ToUserName": message["FromUserName"],
        "FromUserName": message["ToUserName"],
        "CreateTime": "1760000000",
        **{name: value for name, value in fields.items() if name != "<"},
    }
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in whole.items())
    xml = f"<xml>{inner}{raw}</xml>"
    return xml if mine.mode == "plain" else encrypted_answer(xml, mine)


def encrypted_answer(xml: str, mine: Account, **changes: str) -> str:
    """An XML answer encrypted and signed; `changes` replace finished parts."""
    inner = envelope.encrypt(xml, aes_key=mine.aes_key, appid=mine.appid)
    parts = {
        "Encrypt": inner,
        "MsgSignature": envelope.sign(mine.token, "1760000000", "n", inner),
        "TimeStamp": "1760000000",
        "Nonce": "n",
        **changes,
    }
    return "<xml>" + "".join(f"<{k}>{v}</{k}>" for k, v in parts.items()) + "</xml>"


def text(content: str) -> PushFields:
    """A text answer."""
    return {"MsgType": "text", "Content": content}


class SimulatorClient:
    """The simulator, spoken to as a server (`api`) and as a citizen (`act`)."""

    def __init__(self, client: FlaskClient, platform: Platform) -> None:
        self.client = client
        self.platform = platform
        self._tokens: dict[str, str] = {}

    def token(self, who: Account = POLICE) -> str:
        """A stable token of the account, fetched anew."""
        body = {"grant_type": "client_credential", "appid": who.appid, "secret": who.secret}
        answer = self.client.post("/cgi-bin/stable_token", json=body).json
        return str(answer["access_token"])

    def api(
        self, path: str, body: Any = None, *, who: Account = POLICE, token: str = "", **query: str
    ) -> dict[str, Any]:
        """Call the API: POST with a JSON body in real characters, GET without one."""
        if not token and who.appid not in self._tokens:
            self._tokens[who.appid] = self.token(who)
        query["access_token"] = token or self._tokens[who.appid]
        url = f"/cgi-bin/{path}"
        if body is None:
            answer = self.client.get(url, query_string=query)
        else:
            data = json.dumps(body, ensure_ascii=False).encode()
            answer = self.client.post(url, query_string=query, data=data)
        return dict(answer.json)

    def act(
        self, do: str, *, who: Account = POLICE, citizen: str = "c1", **more: Any
    ) -> dict[str, Any]:
        """Let a citizen do something and wait for what comes of it."""
        body = {"citizen": citizen, "appid": who.appid, "do": do, "wait": True, **more}
        answer = self.client.post("/phone/act", json=body)
        return {"status": answer.status_code, **answer.json}

    def send(self, openid: str, content: str = "您好", **more: Any) -> int:
        """Send a customer-service text; the errcode."""
        body = {"touser": openid, "msgtype": "text", "text": {"content": content}}
        return int(self.api("message/custom/send", body, **more)["errcode"])

    def chat(self, who: Account = POLICE, citizen: str = "c1") -> list[dict[str, Any]]:
        """The bubbles of a chat."""
        query = {"citizen": citizen, "appid": who.appid}
        entries = self.client.get("/phone/chat", query_string=query).json["entries"]
        return [entry for entry in entries if entry["kind"] != "note"]

    def log(self, **wanted: str) -> list[dict[str, Any]]:
        """Journal lines."""
        return list(self.client.get("/simulator/log", query_string=wanted).json["lines"])

    def shift(self, seconds: float) -> None:
        """Move the virtual clock on."""
        offset = self.platform.clock.offset + seconds
        self.client.post("/simulator/clock", json={"offset_seconds": offset})

    def fault(self, kind: str, **more: Any) -> None:
        """Switch a fault on."""
        assert self.client.post("/simulator/faults", json={"kind": kind, **more}).status_code == 200


@pytest.fixture
def account_server() -> Iterator[AccountServer]:
    """The accounts' server on a free port."""
    account_server = AccountServer()
    server = make_server("127.0.0.1", 0, account_server, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    account_server.url = f"http://127.0.0.1:{server.server_port}"
    yield account_server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def wechat(account_server: AccountServer) -> Iterator[SimulatorClient]:
    """The simulator with its accounts, pushing to the hub; attempts follow each other quickly."""
    app = simulator.create([POLICE, WATER, NEWS], callback_base=account_server.url)
    platform = simulator.platform_of(app)
    platform.limits.update({"callback_seconds": 0.4, "callback_interval": 0.4})
    with closing(platform.storage):
        yield SimulatorClient(app.test_client(), platform)


@pytest.fixture
def openid(wechat: SimulatorClient) -> str:
    """A citizen who follows the police and has just written to them."""
    wechat.act("follow")
    return str(wechat.act("text", text="你好")["openid"])
