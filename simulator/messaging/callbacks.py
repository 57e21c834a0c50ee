"""Callbacks: delivers pushes to the accounts' servers, and their replies to the phones.

A push is posted up to three times, five seconds apart, until an answer arrives in time. Every
attempt is signed and encrypted anew but carries the same message. A timeout, a broken connection
or a status other than 2xx leads to the next attempt; an answer that arrives but is invalid does
not. If there was no valid answer and the citizen is waiting for one, the phone shows WeChat's
failure text. (WeChat: 接入指南, 被动回复用户消息; attempts at 0, 5 and 10 s.)
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlencode, urlsplit

from simulator.accounts.accounts import Account, Accounts
from simulator.content.media import MediaStore
from simulator.core.change_signal import ChangeSignal
from simulator.core.clock import Clock
from simulator.core.errors import ApiError
from simulator.core.faults import Faults
from simulator.core.limits import Limits
from simulator.core.request_log import RequestLog
from simulator.messaging import envelope, replies
from simulator.messaging.chats import Chats
from simulator.messaging.pushes import Push, render

FAILURE_TEXT = "该公众号提供的服务出现故障，请稍后再试"
TRANSFER_TEXT = "已为你转接人工客服，请稍候"
# larger than any valid reply: a server that answers with a whole web page must not fill the memory
MAX_RESPONSE_BYTES = 256 * 1024
MAX_RECENT = 60  # deliveries kept for the developer's panel of the phone page


@dataclass
class Attempt:
    """One request to an account's server; `ms` is its duration."""

    number: int
    at: float
    url: str
    request: str
    ms: int = 0
    status: int = 0
    outcome: str = ""  # replied, silent, invalid, failed, timeout, dropped
    problem: str = ""
    answer: str = ""
    plain: str = ""
    final: bool = False


@dataclass
class PushDelivery:
    """The delivery of one push. outcome: pending, replied, silent or failed."""

    id: int
    push: Push
    mode: str
    outcome: str = "pending"
    reply: replies.Reply | None = None
    attempts: list[Attempt] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


class Callbacks:
    """Delivers each push in a thread of its own; `deliver` returns immediately."""

    def __init__(
        self,
        base: str,
        *,
        accounts: Accounts,
        chats: Chats,
        clock: Clock,
        faults: Faults,
        request_log: RequestLog,
        limits: Limits,
        media: MediaStore,
        change_signal: ChangeSignal,
    ) -> None:
        self.base = base.rstrip("/")
        self._accounts = accounts
        self._chats = chats
        self._clock = clock
        self._faults = faults
        self._request_log = request_log
        self._limits = limits
        self._media = media
        self._change_signal = change_signal
        self._lock = threading.Lock()
        self._count = 0
        self._pending = 0
        self._recent: deque[PushDelivery] = deque(maxlen=MAX_RECENT)

    @property
    def pending(self) -> int:
        """How many deliveries have not ended yet."""
        return self._pending

    def url(self, account: Account) -> str:
        """The callback URL of an account."""
        return account.callback_url or f"{self.base}/wechat/{account.appid}"

    def deliver(self, push: Push) -> PushDelivery:
        """Start the delivery of a push."""
        account = self._accounts.get(push.appid)
        with self._lock:
            self._count += 1
            self._pending += 1
            delivery = PushDelivery(self._count, push, account.mode)
            self._recent.append(delivery)
        # a thread per push, as pushes of different citizens arrive in parallel and must not wait
        # for each other's five seconds
        threading.Thread(
            target=self._run, args=(delivery,), daemon=True, name=f"push-{delivery.id}"
        ).start()
        return delivery

    def recent(self, citizen: str, appid: str) -> list[PushDelivery]:
        """The newest deliveries of one chat, newest first."""
        with self._lock:
            found = list(self._recent)
        chat = (citizen, appid)
        return [one for one in reversed(found) if (one.push.citizen, one.push.appid) == chat]

    def check(self, account: Account) -> str:
        """The GET check of the callback URL, as by the console; empty on success, else why not."""
        # up to nineteen digits: receivers that read it as a number and write it again would change
        # it
        echo = str(secrets.randbelow(10**19))
        stamp, nonce = str(int(self._clock.real())), str(secrets.randbelow(10**10))
        query = {
            "signature": envelope.sign(account.token, stamp, nonce),
            "echostr": echo,
            "timestamp": stamp,
            "nonce": nonce,
        }
        try:
            status, answer = self._request("GET", f"{self.url(account)}?{urlencode(query)}", None)
        except (OSError, HTTPException) as error:
            return f"请求 URL 失败：{error}"
        if status != 200:
            return f"请求 URL 失败：HTTP {status}"
        return "" if answer == echo.encode() else "token 验证失败：没有原样返回 echostr"

    def _run(self, delivery: PushDelivery) -> None:
        appid = delivery.push.appid
        late = self._faults.consume("out_of_order", appid=appid)
        if late is not None:
            time.sleep(late.seconds)
        # at the same time as the first: the receiver must notice that it is one message
        if self._faults.consume("duplicate", appid=appid) is not None:
            threading.Thread(target=self._attempt, args=(delivery, 1), daemon=True).start()
        # the parallel duplicate is not waited for: its reply is not shown, as on a real phone
        reply = self._attempt_until_answered(delivery)
        self._finish(delivery, reply)

    def _attempt_until_answered(self, delivery: PushDelivery) -> replies.Reply | None:
        start = time.monotonic()
        for number in range(1, self._limits.callback_attempts + 1):
            # attempts have fixed times: a refused connection does not bring the next one earlier
            due = start + (number - 1) * self._limits.callback_interval
            time.sleep(max(0.0, due - time.monotonic()))
            attempt, reply = self._attempt(delivery, number)
            if attempt.final:
                # an invalid answer ends the attempts, but the citizen sees the failure text
                invalid = attempt.outcome == "invalid"
                delivery.outcome = "failed" if invalid else attempt.outcome
                return reply
        delivery.outcome = "failed"
        return None

    def _finish(self, delivery: PushDelivery, reply: replies.Reply | None) -> None:
        push = delivery.push
        delivery.reply = reply
        if delivery.outcome == "failed" and push.awaits_reply:
            self._add_system_note(push, "failure", FAILURE_TEXT)
        elif reply is not None and reply.kind == "transfer_customer_service":
            self._add_system_note(push, "note", TRANSFER_TEXT)
        # there is no chat left to show a reply to "unsubscribe" in
        elif reply is not None and push.kind != "unsubscribe":
            self._chats.add(
                push.citizen, push.appid, side="them", kind=reply.kind, via="reply", body=reply.body
            )
        with self._lock:
            self._pending -= 1
        delivery.done.set()
        self._change_signal.notify()

    def _add_system_note(self, push: Push, kind: str, text: str) -> None:
        self._chats.add(
            push.citizen, push.appid, side="system", kind=kind, via="note", body={"text": text}
        )

    def _attempt(self, delivery: PushDelivery, number: int) -> tuple[Attempt, replies.Reply | None]:
        push, account = delivery.push, self._accounts.get(delivery.push.appid)
        # signed anew for each attempt, because receivers refuse timestamps that are too old
        url, body = self._build_request(push, account)
        attempt = Attempt(number, self._clock.real(), url, body)
        delivery.attempts.append(attempt)
        started = time.monotonic()
        reply = None
        try:
            attempt.status, answer = self._request("POST", url, body.encode())
            attempt.answer = answer.decode(errors="replace")
            reply = self._evaluate_response(attempt, answer, account, push)
        except TimeoutError:
            attempt.outcome, attempt.problem = "timeout", "5 秒内没有完整的回复"
        except (OSError, HTTPException) as error:
            attempt.outcome, attempt.problem = "failed", f"连接失败：{error}"
        attempt.ms = round((time.monotonic() - started) * 1000)
        self._log_attempt(delivery, attempt, account)
        return attempt, reply

    def _evaluate_response(
        self, attempt: Attempt, answer: bytes, account: Account, push: Push
    ) -> replies.Reply | None:
        if not 200 <= attempt.status < 300:
            attempt.outcome, attempt.problem = "failed", f"HTTP {attempt.status}"
            return None
        # after the status was read: the account did its work, and will be asked again all the same
        if self._faults.consume("drop_reply", appid=account.appid) is not None:
            attempt.outcome, attempt.problem = "dropped", "故障开关：丢掉了回复"
            return None

        def check(media_id: str, kinds: tuple[str, ...]) -> None:
            try:
                self._media.get_of_kind(account.appid, media_id, kinds)
            except ApiError as error:
                raise replies.BadReply(f"media_id 无效：{media_id[:20]}") from error

        # an answer with a status of 2xx ends the attempts even when its body is invalid
        attempt.final = True
        try:
            reply = replies.parse_reply(
                answer, account, push, check=check, text_bytes=self._limits.text_bytes
            )
        except replies.BadReply as error:
            attempt.outcome, attempt.problem = "invalid", str(error)
            return None
        attempt.outcome = "silent" if reply is None else "replied"
        attempt.plain = reply.xml if reply else ""
        return reply

    def _build_request(self, push: Push, account: Account) -> tuple[str, str]:
        stamp, nonce = str(int(self._clock.real())), str(secrets.randbelow(10**10))
        query = {
            "signature": envelope.sign(account.token, stamp, nonce),
            "timestamp": stamp,
            "nonce": nonce,
            "openid": push.openid,
        }
        body = push.xml
        # the plain signature stays in the query in all modes; it does not cover the body
        if account.mode != "plain":
            sealed = envelope.encrypt(push.xml, aes_key=account.aes_key, appid=account.appid)
            query["encrypt_type"] = "aes"
            query["msg_signature"] = envelope.sign(account.token, stamp, nonce, sealed)
            if account.mode == "safe":
                body = render({"ToUserName": account.original_id, "Encrypt": sealed})
            else:
                # compatible mode: the plain fields and the encrypted ones in the same element
                addition = render({"Encrypt": sealed}).removeprefix("<xml>")
                body = push.xml.removesuffix("</xml>") + addition
        return f"{self.url(account)}?{urlencode(query)}", body

    def _request(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        """Status and body; raises TimeoutError when they are not complete in time."""
        parts = urlsplit(url)
        seconds = self._limits.callback_seconds
        deadline = time.monotonic() + seconds
        maker = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = maker(parts.hostname or "", parts.port, timeout=seconds)
        # No document names it, but access logs of others show this User-Agent on WeChat's pushes
        # (github.com/wechatpivot/wechatpivot, issue 3). A rule in front of the hub that refuses it
        # would refuse WeChat, so it has to show in development.
        headers = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0", "Connection": "close"}
        try:
            connection.request(method, f"{parts.path}?{parts.query}", body, headers)
            # the limit holds for the whole exchange, so each step gets what is left of it
            connection.sock.settimeout(max(0.01, deadline - time.monotonic()))
            # the response owns the socket from here on, because the connection is not kept alive
            sock = connection.sock
            with connection.getresponse() as response:
                return response.status, _read(response, sock.settimeout, deadline)
        finally:
            connection.close()

    def _log_attempt(self, delivery: PushDelivery, attempt: Attempt, account: Account) -> None:
        push = delivery.push
        self._request_log.add(
            "callback",
            appid=push.appid,
            openid=push.openid,
            delivery=delivery.id,
            kind=push.kind,
            message_id=str(push.message_id) if push.message_id else "",
            created=push.created,
            attempt=attempt.number,
            mode=account.mode,
            xml=push.xml,
            status=attempt.status,
            outcome=attempt.outcome,
            problem=attempt.problem,
            answer=attempt.answer,
            plain=attempt.plain,
            ms=attempt.ms,
        )
        self._change_signal.notify()


def _read(response: HTTPResponse, set_timeout: Callable[[float], None], deadline: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size <= MAX_RESPONSE_BYTES:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not response.isclosed():
            set_timeout(left)
        piece = response.read1(65_536)
        if not piece:
            break
        pieces.append(piece)
        # a server that sends a byte a second must not get more time than one that is silent
        size += len(piece)
    return b"".join(pieces)
