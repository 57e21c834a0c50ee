"""Media usage: which rules send a file of the media library.

Files are of `matrix`, rules of `keywords`, and neither package knows the other; therefore here.
"""

from dataclasses import dataclass

from config.errors import DomainError
from config.permissions import Permission, Principal
from keywords.rules import media_references
from keywords.rules.media_references import MediaReference
from matrix import media


class FileInUse(DomainError):
    """The file cannot be deleted while rules send it."""

    text = "还有 {count} 条规则在用这个素材，请先在规则里换掉它。"


@dataclass(frozen=True)
class FileUsage:
    """The rules that send a file: those a member may see, and how many more there are."""

    visible: tuple[MediaReference, ...]
    hidden_count: int

    @property
    def count(self) -> int:
        """The number of rules that send the file, visible or not."""
        return len(self.visible) + self.hidden_count


def usage_for_staff(member: Principal, names: set[str]) -> dict[str, FileUsage]:
    """Which rules send each of these files, by the file's name.

    Rules outside the member's scope are only counted.
    """
    # all references in one query: the library shows dozens of files at once
    scope, uses_by_name = member.scope(Permission.RULES_READ), media_references.by_media_name()
    usage_by_name = {}
    for name in names:
        all_uses = uses_by_name.get(name, [])
        shown = tuple(
            use
            for use in all_uses
            if scope.contains(department_id=use.department_id, account_id=use.account_id)
        )
        usage_by_name[name] = FileUsage(shown, len(all_uses) - len(shown))
    return usage_by_name


def delete_unused(member: Principal, file_id: int, *, version: int) -> None:
    """Delete a file that no rule sends. Raises NotFound, FileInUse, FileChanged."""
    file = media.access_file(member, file_id, Permission.MEDIA_WRITE)
    # All rules count here, also those the member may not see: a rule of another department would
    # otherwise lose its picture.
    count = len(media_references.by_media_name().get(file.name, []))
    if count:
        raise FileInUse(count=count)
    media.delete_file(member, file_id, version=version)
