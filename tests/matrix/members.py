"""Staff members for tests: a name, rights, and where they hold."""

from config.tenancy import Area, Member, Right

EVERYWHERE = Area(everywhere=True)


def member(area: Area = EVERYWHERE, *rights: Right, name: str = "王编辑") -> Member:
    """Somebody with all rights, or only those named, in an area."""
    return Member(1, name, dict.fromkeys(rights or Right, area))


def at(*account_ids: int, departments: tuple[int, ...] = ()) -> Area:
    """An area of some accounts and departments."""
    return Area(departments=frozenset(departments), accounts=frozenset(account_ids))
