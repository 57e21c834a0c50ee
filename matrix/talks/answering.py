"""Answering: what a person says in a talk, once, and what becomes of it.

    answer ──> Answer ──> sending ──> sent
                             └──────> refused ──> the talk waits again

Each answer carries the key of the form it was written in, so a second click finds the first
answer. It settles the talk up to the message its writer had seen; what came later still waits.
A picture that the account does not have yet is uploaded first, by a job.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, case, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs
from config.database import Base, BigKey, change, locked, session
from config.errors import DomainError, Invalid, NotFound, Temporary
from config.tenancy import Member, Right
from matrix import accounts, followers, sendings
from matrix.accounts import Account
from matrix.followers import Follower
from matrix.media import File, Upload
from matrix.sendings import Sending
from matrix.talks.gathering import Talk, newest_id
from matrix.wechat import gateway, replies

SEND_PICTURE = "talks.send_picture"

# WeChat cuts a text at 2048 bytes
LONGEST_BYTES = 2000


class WindowClosed(DomainError):
    """WeChat lets nobody write to this follower now."""

    text = "现在不能回复：超过 48 小时没有收到对方消息，或可发送的条数已用完。"


class CannotSend(DomainError):
    """The account may not send, whatever the window."""

    text = "{name}已暂停，或未经微信认证，不能发送消息。"


class Answer(Base):
    """One answer of one person. Without a sending, its picture is still on the way."""

    __tablename__ = "answers"
    __table_args__ = (Index("ix_answers_follower_id_created_at", "follower_id", "created_at"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    follower_id: Mapped[int] = mapped_column(ForeignKey("followers.id"))
    sending_id: Mapped[int | None] = mapped_column(
        ForeignKey("sendings.id", ondelete="CASCADE"), unique=True
    )
    file_id: Mapped[int | None] = mapped_column(ForeignKey("media_files.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    staff_name: Mapped[str]
    problem: Mapped[str | None]
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class Said:
    """Where an answer belongs: the form's key, and the last message its writer saw."""

    key: str
    seen_id: int

    def check(self) -> None:
        """Raises Invalid for a key that no form of ours has."""
        if not 16 <= len(self.key) <= 64:
            raise Invalid(field="key", problem="页面已过期，请刷新后重新填写")


def answer_text(
    member: Member, follower_id: int, content: str, *, said: Said, now: datetime
) -> Answer:
    """Say something to the follower. A second submit gives the first answer back.

    Raises Invalid, WindowClosed, CannotSend, NotFound.
    """
    follower = followers.access_follower(member, follower_id, Right.TALKS_ANSWER)
    content = content.strip()
    if not content:
        raise Invalid(field="content", problem="请填写回复内容")
    if len(content.encode()) > LONGEST_BYTES:
        raise Invalid(field="content", problem=f"太长，最多 {LONGEST_BYTES // 3} 个汉字")
    answer = _first(member, follower, said, now, file_id=None)
    if answer.sending_id is None:
        _send(answer, follower, replies.Text(content), now)
    return answer


def answer_picture(
    member: Member, follower_id: int, file_id: int, *, said: Said, now: datetime
) -> Answer:
    """Send a picture of the media library. A second submit gives the first answer back.

    Raises Invalid, WindowClosed, CannotSend, NotFound.
    """
    follower = followers.access_follower(member, follower_id, Right.TALKS_ANSWER)
    file = session.scalar(select(File).where(File.id == file_id, *_sendable(member)))
    if file is None:
        raise Invalid(field="picture", problem="请选择一张图片")
    answer = _first(member, follower, said, now, file_id=file_id)
    if answer.sending_id is None:
        media_id = _media_id(follower.account_id, file, now)
        if media_id is not None:
            _send(answer, follower, replies.Image(media_id), now)
        else:
            key = f"{SEND_PICTURE}:{answer.id}"
            jobs.enqueue(SEND_PICTURE, key=key, answer_id=answer.id)
    return answer


def pictures(member: Member, *, at_most: int = 200) -> dict[int, str]:
    """The pictures the member may send, names by id, the newest first."""
    rows = select(File.id, File.name).where(*_sendable(member))
    return dict(session.execute(rows.order_by(File.id.desc()).limit(at_most)).all())


def _sendable(member: Member) -> tuple[ColumnElement[bool], ...]:
    """Pictures of the whole city, and of the departments whose citizens the member answers."""
    area = member.area(Right.TALKS_ANSWER)
    owners = select(Account.department_id).where(area.covers(account=Account.id))
    own = area.covers(department=File.department_id) | File.department_id.in_(owners)
    return File.kind == gateway.MediaKind.IMAGE, or_(File.department_id.is_(None), own)


def _media_id(account_id: int, file: File, now: datetime) -> str | None:
    return session.scalar(
        select(Upload.media_id).where(
            Upload.account_id == account_id,
            Upload.file_id == file.id,
            Upload.digest == file.digest,
            Upload.expires_at > now,
        )
    )


def _first(
    member: Member, follower: Follower, said: Said, now: datetime, *, file_id: int | None
) -> Answer:
    """The answer of this key, made now if it is the first time."""
    said.check()
    locked(Follower, follower.id)  # a second click waits here for the first
    before = session.scalars(select(Answer).where(Answer.key == said.key)).one_or_none()
    if before is not None:
        if (before.follower_id, before.staff_id) != (follower.id, member.staff_id):
            raise Invalid(field="key", problem="页面已过期，请刷新后重新填写")
        return before
    _check_open(follower, now)
    answer = Answer(
        key=said.key,
        follower_id=follower.id,
        file_id=file_id,
        staff_id=member.staff_id,
        staff_name=member.name,
        created_at=now,
    )
    session.add(answer)
    session.flush()  # the audit row needs the id
    _handled(member, follower, said.seen_id, now)
    _noted("talk.answer", follower, answer=answer.id)
    return answer


def _check_open(follower: Follower, now: datetime) -> None:
    account = session.get_one(Account, follower.account_id)
    if not account.verified or account.state is accounts.State.PAUSED:
        raise CannotSend(name=account.name)
    if followers.window(follower, now=now).left <= sendings.queued(follower.id):
        raise WindowClosed(follower=follower.id)


def _send(answer: Answer, follower: Follower, reply: gateway.Message, now: datetime) -> None:
    sending = sendings.queue(follower, reply, now=now)
    answer.sending_id = sending.id
    session.flush()  # who reads the talk next must see that it is sent


def _handled(member: Member, follower: Follower, seen_id: int, now: datetime) -> bool:
    """Settle a talk up to a message; False when there is a later one."""
    seen_id = min(seen_id, newest_id())  # nobody has dealt with what is still to come
    session.execute(
        update(Talk)
        .where(Talk.follower_id == follower.id)
        .values(
            waiting_since=case((Talk.last_id > seen_id, Talk.waiting_since), else_=None),
            handled_id=seen_id,
            handled_at=now,
            handled_by=member.name,
        )
        .execution_options(synchronize_session=False)
    )
    later = select(Talk.follower_id).where(Talk.follower_id == follower.id, Talk.last_id > seen_id)
    return session.scalar(later) is None


def dismiss(member: Member, follower_id: int, *, seen_id: int, now: datetime) -> bool:
    """Say that a talk needs no answer; False when the follower has written since.

    What was there before is dealt with in either case. Raises NotFound outside the member's area.
    """
    follower = followers.access_follower(member, follower_id, Right.TALKS_ANSWER)
    done = _handled(member, follower, seen_id, now)
    _noted("talk.dismiss", follower, message=seen_id)
    return done


def _noted(action: str, follower: Follower, **facts: int) -> None:
    account = session.get_one(Account, follower.account_id)
    audit.record(
        action,
        kind="talk",
        object_id=follower.id,
        label=account.name,
        department_id=account.department_id,
        after=facts,
    )


# ---- what becomes of it ----


def picture_for(answer_id: int) -> tuple[int, int] | None:
    """(account id, file id) that must be uploaded before an answer can go; None when it went."""
    answer = session.get(Answer, answer_id)
    if answer is None:
        raise NotFound(kind="answer", id=answer_id)
    if answer.sending_id is not None or answer.problem or answer.file_id is None:
        return None
    follower = session.get_one(Follower, answer.follower_id)
    return follower.account_id, answer.file_id


def send_picture(answer_id: int, *, now: datetime) -> None:
    """Queue an answer whose picture the account has now; once, however often it is called."""
    answer = locked(Answer, answer_id)
    if answer.sending_id is not None or answer.problem or answer.file_id is None:
        return
    follower = session.get_one(Follower, answer.follower_id)
    media_id = _media_id(follower.account_id, session.get_one(File, answer.file_id), now)
    if media_id is None:
        raise Temporary(kind="upload", answer=answer_id)
    _send(answer, follower, replies.Image(media_id), now)


def fail_picture(answer_id: int, problem: str) -> None:
    """The account cannot have the picture: the answer is lost and the talk waits again."""
    answer = change(
        Answer, answer_id, when={"sending_id": None, "problem": None}, to={"problem": problem}
    )
    if answer is not None:
        _wait_again(answer)


def delivered(sending_id: int) -> None:
    """A sending was settled; when it was a refused answer, the talk waits again."""
    answer = session.scalars(
        select(Answer)
        .join(Sending, Sending.id == Answer.sending_id)
        .where(Answer.sending_id == sending_id, Sending.state == sendings.State.REFUSED)
    ).one_or_none()
    if answer is not None:
        _wait_again(answer)


def _wait_again(answer: Answer) -> None:
    # only if this answer is what settled the talk, and nobody has answered since
    session.execute(
        update(Talk)
        .where(Talk.follower_id == answer.follower_id, Talk.handled_at == answer.created_at)
        .values(waiting_since=Talk.last_at, handled_id=0, handled_at=None, handled_by="")
        .execution_options(synchronize_session=False)
    )
