"""The directory: departments by the names and duties that citizens know them by.

    cards, accounts ──> Directory (in the snapshot, immutable)
                            find        公安局, 市公安局, 人社局, 华阴公安   a name of today
                            find_loose  公安, 物价局                     an old name, or half of one
                            route       宅基地怎么申请                   by a duty in the sentence

A name that two departments share leads to neither.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from keywords.language.normalize import fold
from matrix.departments.directory import DepartmentCard

# a shorter duty is found in too many sentences by chance
_MIN_DUTY_LENGTH = 2
# what the name of a department ends with, the longer first
_KINDS = ("人民法院", "人民检察院", "委员会", "街道", "分局", "局", "委", "镇", "乡")
_TOWN_HALLS = {"街道": ("办", "办事处"), "镇": ("政府", "人民政府"), "乡": ("政府", "人民政府")}


class Directory:
    """The departments at work. `accounts` are the names of their accounts by department id."""

    def __init__(
        self,
        cards: Sequence[DepartmentCard] = (),
        accounts: Mapping[int, str] | None = None,
        region: str = "",
    ) -> None:
        self.cards = tuple(cards)
        self._accounts = accounts or {}
        self._by_id = {card.id: card for card in cards}
        city = fold(region)
        # "华阴市公安局", "华阴公安局", "市公安局"
        self._prefixes = tuple(filter(None, (city, city.removesuffix("市"), "我市", "市")))
        self._names = _index(
            (
                ((card, name) for card in cards for name in _full_names(card)),
                ((card, name) for card in cards for name in card.short_names),
                ((card, self.account_of(card)) for card in cards),
            )
        )
        self._loose_names = _index(
            (
                ((card, name) for card in cards for name in _old_names(card)),
                ((card, name) for card in cards for name in _stems(card)),
            )
        )
        self._duties = _index((((card, duty) for card in cards for duty in card.duties),))

    def get(self, department_id: int | None) -> DepartmentCard | None:
        """The card of a department; None when it is unknown or merged, and for no department."""
        return None if department_id is None else self._by_id.get(department_id)

    def account_of(self, card: DepartmentCard) -> str:
        """The name of the department's account to follow; empty when it has none."""
        return self._accounts.get(card.id, "")

    def find(self, text: str) -> DepartmentCard | None:
        """The department that a folded text names, and nothing else, by a name of today."""
        return self._find(self._names, text)

    def find_loose(self, text: str) -> DepartmentCard | None:
        """As `find`, also by an old name or the first half of a name."""
        return self.find(text) or self._find(self._loose_names, text)

    def route(self, text: str) -> DepartmentCard | None:
        """The department whose duty stands in a folded text; the longest duty decides."""
        found = [duty for duty in self._duties if duty in text and len(duty) >= _MIN_DUTY_LENGTH]
        return self._duties[max(found, key=len)] if found else None

    def _find(self, index: Mapping[str, DepartmentCard], text: str) -> DepartmentCard | None:
        if text in index:
            return index[text]
        for prefix in self._prefixes:
            if text.startswith(prefix) and text[len(prefix) :] in index:
                return index[text[len(prefix) :]]
        return None


def _index(
    tiers: Iterable[Iterable[tuple[DepartmentCard, str]]],
) -> dict[str, DepartmentCard]:
    """The departments by folded name. An earlier tier wins; a name that two share is dropped."""
    index: dict[str, DepartmentCard] = {}
    for tier in tiers:
        named: dict[str, set[DepartmentCard]] = {}
        for card, name in tier:
            if folded := fold(name):
                named.setdefault(folded, set()).add(card)
        for name, cards in named.items():
            if len(cards) == 1:
                index.setdefault(name, next(iter(cards)))
    return index


def _full_names(card: DepartmentCard) -> Iterator[str]:
    yield card.name
    # "人力资源社会保障局"
    yield card.name.replace("和", "")
    for kind, halls in _TOWN_HALLS.items():
        if card.name.endswith(kind):
            yield from (card.name + hall for hall in halls)


def _old_names(card: DepartmentCard) -> Iterator[str]:
    for name in card.other_names:
        yield name
        # old papers say 物价 and people 物价局
        yield f"{name}局"


def _stems(card: DepartmentCard) -> Iterator[str]:
    """The name without its kind: 公安 of 公安局."""
    for name in (card.name, *card.short_names):
        kind = next((kind for kind in _KINDS if name.endswith(kind)), "")
        # a single character is no name
        if len(name) - len(kind) >= 2:
            yield name.removesuffix(kind)
