"""Staff members for tests: a name, rights, and where they hold."""

from config.permissions import Permission, PermissionScope, Principal

EVERYWHERE = PermissionScope(everywhere=True)


def principal(
    area: PermissionScope = EVERYWHERE, *rights: Permission, name: str = "王编辑"
) -> Principal:
    """Somebody with all rights, or only those named, in an area."""
    return Principal(1, name, dict.fromkeys(rights or Permission, area))


def accounts_scope(*account_ids: int, departments: tuple[int, ...] = ()) -> PermissionScope:
    """An area of some accounts and departments."""
    return PermissionScope(departments=frozenset(departments), accounts=frozenset(account_ids))
