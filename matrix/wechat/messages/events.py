"""What the platform tells us about followers: following, scanning, menus, agents, consent.

    Event ─┬─ Followed Unfollowed Scanned Located
           ├─ Menu…     taps on the account's menu
           ├─ Notices…  choices about subscription notices, and what became of one
           ├─ Agent…    sessions with a person in WeChat's own desk
           └─ Consent…  withdrawn or changed; their data must go

Events about the account itself and about finished sending stand in `outcomes`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from matrix.wechat.messages.inbound import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed(Event):
    """A citizen follows the account, perhaps by a QR code with a scene."""

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
    """A citizen left; nothing reaches them any more."""

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
    """Where a follower is who allowed the account to know; precision in metres."""

    kind: str = "located"
    latitude: float
    longitude: float
    precision: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEvent(Event):
    """A tap on the menu. `key` is the button's key, or what a link opens."""

    key: str

    @property
    def dedupe_subject(self) -> str:
        """The button."""
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuClicked(MenuEvent):
    """A button that asks the account to answer."""

    awaits_reply: ClassVar[bool] = True

    kind: str = "menu_clicked"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuLinkOpened(MenuEvent):
    """A button that opened a page; `key` is its address."""

    kind: str = "menu_link_opened"
    menu_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuMiniProgramOpened(MenuEvent):
    """A button that opened a mini program; `key` is the page's path."""

    kind: str = "menu_mini_program_opened"
    menu_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuQrCodeScanned(MenuEvent):
    """A code read from the menu that the phone handles by itself."""

    kind: str = "menu_code_scanned"
    code_type: str
    code_content: str

    @property
    def dedupe_subject(self) -> str:
        """The button and the code."""
        return f"{self.key}:{self.code_content}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuQrCodeSubmitted(MenuQrCodeScanned):
    """A code read from the menu, with the citizen waiting for our answer."""

    awaits_reply: ClassVar[bool] = True

    kind: str = "menu_code_submitted"


class PictureSource(StrEnum):
    """Where the pictures of a menu button came from."""

    CAMERA = "camera"
    CAMERA_OR_ALBUM = "camera_or_album"
    ALBUM = "album"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPicturesChosen(MenuEvent):
    """Pictures were chosen; they follow as messages. `digests` are their MD5 sums."""

    awaits_reply: ClassVar[bool] = True

    kind: str = "menu_pictures_chosen"
    source: PictureSource
    count: int
    digests: tuple[str, ...] = ()


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
    """Whether a citizen wants one kind of notice; asked on a `page` or in an `article`."""

    template_id: str
    accepted: bool
    prompted_in: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesChosen(Event):
    """Answers a citizen gave in the dialog for subscription notices."""

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
    """What became of one notice; `error` is WeChat's code, 0 when it arrived."""

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
        """The notices, since two may be reported within a second."""
        return ",".join(result.notice_id for result in self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSessionOpened(Event):
    """A person took over the chat in WeChat's own desk."""

    kind: str = "agent_session_opened"
    agent: str

    @property
    def dedupe_subject(self) -> str:
        """The agent."""
        return self.agent


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSessionClosed(AgentSessionOpened):
    """The person handed the chat back."""

    kind: str = "agent_session_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSessionMoved(Event):
    """One person handed the chat to another."""

    kind: str = "agent_session_moved"
    from_agent: str
    to_agent: str

    @property
    def dedupe_subject(self) -> str:
        """Both agents."""
        return f"{self.from_agent}:{self.to_agent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent(Event):
    """About what a citizen allows. `person` is whom it is about, `union_id` where known.

    `scopes` names the data: address, invoice, card, microphone, profile, location, album, or
    WeChat's own code where it is none of these.
    """

    citizen_openid: str
    union_id: str | None = None
    scopes: tuple[str, ...] = ()

    @property
    def dedupe_subject(self) -> str:
        """The person and the data."""
        return f"{self.citizen_openid}:{','.join(self.scopes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChanged(ConsentEvent):
    """A citizen changed data the account was allowed to read."""

    kind: str = "consent_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRevoked(ConsentEvent):
    """A citizen took a permission back; the data of these scopes must be deleted."""

    kind: str = "consent_revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeChatAccountClosed(ConsentEvent):
    """A citizen closed their WeChat account; all their data must be deleted."""

    kind: str = "person_left"
