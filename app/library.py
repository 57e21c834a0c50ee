"""The library where rooms meet: files of the one room, and the rules of another that send them."""

from dataclasses import dataclass

from config.errors import DomainError
from config.tenancy import Member, Right
from keywords import uses
from keywords.uses import Use
from matrix import media


class FileInUse(DomainError):
    """A file that rules send stays."""

    text = "还有 {count} 条规则在用这个素材，请先在规则里换掉它。"


@dataclass(frozen=True)
class Uses:
    """Who sends a file: the rules a member may see, and how many more there are."""

    shown: tuple[Use, ...]
    others: int

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.shown) + self.others


def uses_for_staff(member: Member, names: set[str]) -> dict[str, Uses]:
    """Which rules send each of these files."""
    area, found = member.area(Right.RULES_READ), uses.of_media()
    told = {}
    for name in names:
        listed = found.get(name, [])
        shown = tuple(
            use
            for use in listed
            if area.holds(department_id=use.department_id, account_id=use.account_id)
        )
        told[name] = Uses(shown, len(listed) - len(shown))
    return told


def remove(member: Member, file_id: int, *, version: int) -> None:
    """Remove a file that no rule sends. Raises NotFound, FileInUse, FileChanged."""
    file = media.access_file(member, file_id, Right.MEDIA_WRITE)
    count = len(uses.of_media().get(file.name, []))
    if count:
        raise FileInUse(count=count)
    media.remove(member, file_id, version=version)
