"""Three accounts in memory, one of each mode, and a door with no database behind it."""

from app.snapshots import Snapshot
from keywords.matching.ruleset import RuleSet
from matrix.accounts import AccountKind, AccountSnapshot
from matrix.departments import Tree
from matrix.wechat.envelope import EncryptionMode, Envelope
from tests.helpers import NOW
from tests.helpers.hub import AccountKeys, Hub

REJECTED_STATUSES = {400, 403, 404, 405, 411, 413}
MODES = {
    "safe": EncryptionMode.SAFE,
    "compatible": EncryptionMode.COMPATIBLE,
    "plain": EncryptionMode.PLAIN,
}


class MemoryHub(Hub):
    """Three accounts, one of each mode, in memory only."""

    def __init__(self) -> None:
        super().__init__()
        for number, mode in enumerate(MODES, 1):
            self.keys[mode] = AccountKeys(
                f"wx{number:016x}", f"gh_{number:012d}", f"token{number}", f"{number:0>42}A", mode
            )

    def snapshot(self) -> Snapshot:
        """What a web process would have in memory."""
        accounts = {
            keys.appid: AccountSnapshot(
                id=number,
                appid=keys.appid,
                original_id=keys.original_id,
                name=mode,
                department_id=1,
                kind=AccountKind.SERVICE,
                verified=True,
                paused=False,
                welcome="",
                keys_at=NOW,
                envelope=Envelope(
                    appid=keys.appid,
                    original_id=keys.original_id,
                    mode=MODES[mode],
                    token=keys.token,
                    aes_key=keys.aes_key,
                ),
            )
            for number, (mode, keys) in enumerate(self.keys.items(), 1)
        }
        return Snapshot({}, accounts, RuleSet(), {}, frozenset(), {}, Tree({}))


HUB = MemoryHub()
SECRETS = [part for keys in HUB.keys.values() for part in (keys.token, keys.aes_key)]


def assert_rejected(method: str, path: str, query: str, body: bytes = b"", **more: str) -> int:
    """Push something; it must be refused and the answer must say nothing."""
    answered = HUB.call(method, path, query, body, **more)
    assert answered.status in REJECTED_STATUSES, answered
    assert len(answered.body) < 40
    assert "<" not in answered.body
    assert not [secret for secret in SECRETS if secret in answered.body]
    return answered.status


def path_of(mode: str) -> str:
    return f"/wechat/{HUB.keys[mode].appid}"


def text_push(mode: str) -> tuple[str, bytes]:
    return HUB.request(mode, HUB.text("o1", "身份证", to=mode))
