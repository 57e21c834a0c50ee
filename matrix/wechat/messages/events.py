"""Events about followers: following, scanning, menus, notices, agents, consent.

    Event --+-- Followed, Unfollowed, Scanned, LocationReported
            +-- Menu…      taps on the account's menu
            +-- Notice…    choices about subscription notices, and whether one arrived
            +-- Agent…     sessions in WeChat's own customer-service desk
            +-- Consent…   withdrawn or changed consent; the data must be deleted

Fields and meanings: wechat-platform.md 2.3. Events about the account itself and about finished
sending jobs are in `job_events`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from matrix.wechat.messages.inbound import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed(Event):
    """A citizen followed the account, perhaps through a QR code with a scene."""

    awaits_reply: ClassVar[bool] = True

    kind: str = "followed"
    scene: str | None = None
    ticket: str | None = None

    @property
    def dedupe_subject(self) -> str:
        """The scene."""
        return self.scene or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollowed(Event):
    """A citizen unfollowed; nothing can be sent to them any more."""

    kind: str = "unfollowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned(Event):
    """A follower scanned a QR code with a scene."""

    awaits_reply: ClassVar[bool] = True

    kind: str = "scanned"
    scene: str
    ticket: str | None = None

    @property
    def dedupe_subject(self) -> str:
        """The scene."""
        return self.scene


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationReported(Event):
    """The position of a follower who shares it with the account; `precision` in metres."""

    kind: str = "located"
    latitude: float
    longitude: float
    precision: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEvent(Event):
    """A tap on the menu. `key` is the button's key, or the address it opens."""

    key: str

    @property
    def dedupe_subject(self) -> str:
        """The button."""
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuClicked(MenuEvent):
    """A button that asks the account for a reply."""

    awaits_reply: ClassVar[bool] = True

    kind: str = "menu_clicked"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuLinkOpened(MenuEvent):
    """A button that opened a page; `key` is the URL."""

    kind: str = "menu_link_opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuMiniProgramOpened(MenuEvent):
    """A button that opened a mini program; `key` is the page's path."""

    kind: str = "menu_mini_program_opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuQrCodeScanned(MenuEvent):
    """A code scanned through the menu, whose result the phone shows by itself."""

    kind: str = "menu_code_scanned"
    code_content: str

    @property
    def dedupe_subject(self) -> str:
        """The button and the code's content."""
        return f"{self.key}:{self.code_content}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuQrCodeSubmitted(MenuQrCodeScanned):
    """A code scanned through the menu while the citizen waits for our reply."""

    awaits_reply: ClassVar[bool] = True

    kind: str = "menu_code_submitted"


class PictureSource(StrEnum):
    """Where the pictures of a menu button came from."""

    CAMERA = "camera"
    CAMERA_OR_ALBUM = "camera_or_album"
    ALBUM = "album"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPicturesChosen(MenuEvent):
    """Pictures were chosen; they follow as messages."""

    awaits_reply: ClassVar[bool] = True

    kind: str = "menu_pictures_chosen"
    source: PictureSource
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuLocationChosen(MenuEvent):
    """A place was chosen; it follows as a message as well."""

    awaits_reply: ClassVar[bool] = True

    kind: str = "menu_location_chosen"
    latitude: float
    longitude: float
    scale: int | None = None
    label: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeChoice:
    """Whether a citizen accepts one kind of notice."""

    template_id: str
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesChosen(Event):
    """What a citizen answered in the dialog for subscription notices."""

    kind: str = "notices_chosen"
    choices: tuple[NoticeChoice, ...]

    @property
    def dedupe_subject(self) -> str:
        """The templates."""
        return ",".join(choice.template_id for choice in self.choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesSwitchedOff(NoticesChosen):
    """Notices a citizen switched off in WeChat's settings."""

    kind: str = "notices_switched_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeResult:
    """What became of one notice; `return_code` is WeChat's, 0 when it arrived."""

    template_id: str
    notice_id: str
    return_code: int
    status: str

    @property
    def is_delivered(self) -> bool:
        """Whether the citizen got it."""
        return self.return_code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesSent(Event):
    """What became of subscription notices that we sent."""

    kind: str = "notices_sent"
    results: tuple[NoticeResult, ...]

    @property
    def dedupe_subject(self) -> str:
        """The notices, because two may be reported within the same second."""
        return ",".join(result.notice_id for result in self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSessionOpened(Event):
    """An agent took over the chat in WeChat's own customer-service desk."""

    kind: str = "agent_session_opened"
    agent: str

    @property
    def dedupe_subject(self) -> str:
        """The agent."""
        return self.agent


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSessionClosed(AgentSessionOpened):
    """The agent ended the session."""

    kind: str = "agent_session_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSessionMoved(Event):
    """One agent handed the chat over to another."""

    kind: str = "agent_session_moved"
    from_agent: str
    to_agent: str

    @property
    def dedupe_subject(self) -> str:
        """Both agents."""
        return f"{self.from_agent}:{self.to_agent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent(Event):
    """About what a citizen allows.

    `citizen_openid` is whom it is about (the sender is the platform), `union_id` where WeChat gives
    it. `scopes` names the data: address, invoice, card, microphone, profile, location, album, or
    WeChat's own code for anything else.
    """

    citizen_openid: str
    union_id: str | None = None
    scopes: tuple[str, ...] = ()

    @property
    def dedupe_subject(self) -> str:
        """The citizen and the kinds of data."""
        return f"{self.citizen_openid}:{','.join(self.scopes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChanged(ConsentEvent):
    """A citizen changed data that the account was allowed to read."""

    kind: str = "consent_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRevoked(ConsentEvent):
    """A citizen withdrew consent; data of these scopes must be deleted."""

    kind: str = "consent_revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeChatAccountClosed(ConsentEvent):
    """A citizen closed their WeChat account; all their data must be deleted."""

    kind: str = "person_left"
