"""Events about finished sending jobs, and about the verification of the account itself.

    Event --+-- TemplateFinished, MassSendFinished, PublishFinished
            +-- Qualification…, Name…, RenewalDue, VerificationExpired

A finished job may be reported twice, and under different sender names, so the job's own id is its
dedupe key. Values: wechat-platform.md 2.4 and 2.5.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from matrix.wechat.messages.inbound import Event, limit_key


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished(Event):
    """Something we sent has finished. `job_id` is the id that the sending call returned."""

    job_id: str

    @property
    def dedupe_key(self) -> str:
        """The job, whoever reports it and when."""
        return limit_key(f"j:{self.kind}:{self.job_id}")


class TemplateDelivery(StrEnum):
    """Whether a template message arrived."""

    DELIVERED = "arrived"
    BLOCKED = "blocked"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFinished(JobFinished):
    """A template message arrived or failed; `status` is WeChat's own wording."""

    kind: str = "template_finished"
    delivery: TemplateDelivery
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalityCheck:
    """What the originality check said about one article (positions from 1)."""

    position: int
    declared: int
    audit: int
    original_url: str
    original_kind: int
    may_reprint: bool
    content_replaced: bool
    source_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleLink:
    """Where one article of a job can be read (positions from 1)."""

    position: int
    url: str


class MassSendResult(StrEnum):
    """How a mass send ended."""

    SENT = "sent"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class MassSendFinished(JobFinished):
    """A mass send is done or was refused.

    `refusal` is n of err(n), see `MASS_SEND_REFUSALS`. The counts are WeChat's and only nearly
    exact: `total` targeted, `filtered` left after its filters, `sent`, `failed`. `check_state` is 1
    no reprint, 2 a reprint that may be sent, 3 a reprint that was stopped.
    """

    kind: str = "mass_send_finished"
    result: MassSendResult
    status: str
    refusal: int | None = None
    total: int = 0
    filtered: int = 0
    sent: int = 0
    failed: int = 0
    check_state: int | None = None
    checks: tuple[OriginalityCheck, ...] = ()
    links: tuple[ArticleLink, ...] = ()


# reasons in Chinese for staff, by n of WeChat's status "err(n)" (wechat-platform.md 2.4)
MASS_SEND_REFUSALS = {
    10001: "涉嫌广告",
    20001: "涉嫌政治",
    20002: "涉嫌色情",
    20004: "涉嫌社会",
    20006: "涉嫌违法犯罪",
    20008: "涉嫌欺诈",
    20013: "涉嫌版权",
    21000: "涉嫌其他",
    22000: "涉嫌互推（互相宣传）",
    30001: "原创校验出现系统错误，且已选择停止群发",
    30002: "原创校验被判定不能群发",
    30003: "原创校验被判定为转载文，且已选择停止群发",
    40001: "管理员拒绝了群发",
    40002: "管理员 30 分钟内未确认群发",
}


class PublishState(IntEnum):
    """How a publication ended, as WeChat's number."""

    PUBLISHED = 0
    PUBLISHING = 1
    NOT_ORIGINAL = 2
    FAILED = 3
    REVIEW_REFUSED = 4
    # these two are reported about a publication that had succeeded
    DELETED_LATER = 5
    BANNED_LATER = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishFinished(JobFinished):
    """A publication is done, was refused, or was taken down later.

    `state` is None for a number we do not know; `status_code` keeps the number. `failed_positions`
    are the positions of the articles that stopped it.
    """

    kind: str = "publish_finished"
    status_code: int
    state: PublishState | None
    article_id: str | None = None
    links: tuple[ArticleLink, ...] = ()
    failed_positions: tuple[int, ...] = ()

    @property
    def dedupe_key(self) -> str:
        """Job and state: a published article may be deleted or banned months later."""
        return limit_key(f"j:{self.kind}:{self.job_id}:{self.status_code}")


@dataclass(frozen=True, slots=True, kw_only=True)
class QualificationVerified(Event):
    """The account's owner was verified; calls that need it work until `expires_at`."""

    kind: str = "qualified"
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QualificationFailed(Event):
    """The verification of the account's owner failed."""

    kind: str = "qualification_refused"
    failed_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameVerified(Event):
    """The account's name was verified."""

    kind: str = "named"
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NameVerificationFailed(Event):
    """The account's name was not verified; its calls keep working."""

    kind: str = "naming_refused"
    failed_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalDue(Event):
    """The yearly verification has to be renewed before `expires_at`."""

    kind: str = "renewal_due"
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationExpired(Event):
    """The verification expired; calls that need it stop working."""

    kind: str = "verification_expired"
    expires_at: datetime
