"""Tags by which an account groups its followers.

Ids 0 to 2 are reserved by the platform; 2 is 星标组. Followers hold the ids. (WeChat: 标签管理.)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from simulator.core.errors import ApiError
from simulator.core.storage import Storage

# well above the reserved ids 0 to 2, so that mixing them up is noticed
FIRST_CUSTOM_ID = 100
MAX_TAGS = 100


@dataclass
class Tag:
    """One tag of one account."""

    appid: str
    id: int
    name: str


class Tags:
    """The tags of all accounts."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._by_key = {
            (body["appid"], body["id"]): Tag(**body) for body in storage.load_all("tag")
        }

    def list_of(self, appid: str) -> list[Tag]:
        """The tags of an account."""
        return [tag for tag in self._by_key.values() if tag.appid == appid]

    def create(self, appid: str, name: object) -> Tag:
        """A new tag; 45157 for a name that exists, 45158 for a long one, 45056 when full."""
        own = self.list_of(appid)
        checked = self._validate_name(appid, name)
        if len(own) >= MAX_TAGS:
            raise ApiError(45056, "too many tag now, no need to add new")
        tag = Tag(appid, max([FIRST_CUSTOM_ID - 1, *(one.id for one in own)]) + 1, checked)
        self._by_key[appid, tag.id] = tag
        self._save(tag)
        return tag

    def rename(self, appid: str, tag_id: object, name: object) -> None:
        """Rename a tag; errors as in `create`."""
        tag = self.get(appid, tag_id)
        tag.name = self._validate_name(appid, name)
        self._save(tag)

    def delete(self, appid: str, tag_id: object) -> Tag:
        """Delete a tag; the caller removes it from followers."""
        tag = self.get(appid, tag_id)
        del self._by_key[appid, tag.id]
        self._storage.delete("tag", f"{appid}/{tag.id}")
        return tag

    def get(self, appid: str, tag_id: object) -> Tag:
        """A tag; 45058 for one of the platform's own, 45159 when there is none."""
        if tag_id in (0, 1, 2):
            raise ApiError(45058, "can't modify sys tag")
        tag = self._by_key.get((appid, tag_id)) if isinstance(tag_id, int) else None
        if tag is None:
            raise ApiError(45159, "invalid tag id")
        return tag

    def _validate_name(self, appid: str, name: object) -> str:
        if not isinstance(name, str) or not name:
            raise ApiError(45157, "invalid tag name")
        if len(name) > 30:
            raise ApiError(45158, "tag name too long")
        if any(tag.name == name for tag in self.list_of(appid)):
            raise ApiError(45157, "invalid tag name")
        return name

    def _save(self, tag: Tag) -> None:
        self._storage.put("tag", f"{tag.appid}/{tag.id}", asdict(tag))
