"""IP allow-list: from which networks a role may be used (policy.md 1, R14.3).

A role without any entry may be used from everywhere; the first entry excludes all other networks.
"""

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address, ip_network

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, session
from config.errors import Invalid, NotFound
from matrix.staff.grants import Grant
from matrix.staff.roles import Role


class NetworkAction(AuditAction, kind=ObjectKind("network", "允许的网段")):
    """What is recorded about the allowlist."""

    ADD = "network.add", "允许网段登录"
    REMOVE = "network.remove", "移除允许的网段"


class AllowedNetwork(Base):
    """One network, in CIDR notation, from which a role may be used."""

    __tablename__ = "staff_allowed_networks"
    __table_args__ = (UniqueConstraint("role", "network"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[Role]
    network: Mapped[str]
    note: Mapped[str]
    created_at: Mapped[datetime]


def list_all() -> list[AllowedNetwork]:
    """All entries, by role."""
    return list(
        session.scalars(select(AllowedNetwork).order_by(AllowedNetwork.role, AllowedNetwork.id))
    )


def add(role: Role, network: str, note: str, *, now: datetime) -> AllowedNetwork:
    """Allow a role from a network; its first entry excludes all others. Raises Invalid."""
    try:
        # strict=False: 10.1.2.3/24 means 10.1.2.0/24, which is what people intend
        parsed = str(ip_network(network.strip(), strict=False))
    except ValueError as error:
        problem = "应为网段，如 10.1.2.0/24 或单个地址"
        raise Invalid(field="network", problem=problem) from error
    if session.scalar(
        select(AllowedNetwork.id).where(
            AllowedNetwork.role == role, AllowedNetwork.network == parsed
        )
    ):
        raise Invalid(field="network", problem="已在名单中")
    entry = AllowedNetwork(role=role, network=parsed, note=note.strip()[:60], created_at=now)
    session.add(entry)
    session.flush()
    _audit(NetworkAction.ADD, entry)
    return entry


def remove(network_id: int) -> Role:
    """Remove an entry. Returns the role it was for. Raises NotFound."""
    entry = session.get(AllowedNetwork, network_id)
    if entry is None:
        raise NotFound(kind="network", id=network_id)
    _audit(NetworkAction.REMOVE, entry)
    session.delete(entry)
    session.flush()
    return entry.role


def allowed_grants(grants: Iterable[Grant], address: str) -> list[Grant]:
    """Those of the grants whose roles may be used from this address. One query."""
    allowed: dict[Role, list[str]] = {}
    for entry in list_all():
        allowed.setdefault(entry.role, []).append(entry.network)
    return [
        grant
        for grant in grants
        # a role without entries works from everywhere; so the list can be introduced role by role
        if grant.role not in allowed or _is_within(address, allowed[grant.role])
    ]


def _is_within(address: str, networks: Iterable[str]) -> bool:
    try:
        parsed_address = ip_address(address)
    except ValueError:
        return False
    return any(parsed_address in ip_network(network) for network in networks)


def _audit(action: NetworkAction, entry: AllowedNetwork) -> None:
    audit.record(
        action,
        owner=audit.CITY,
        object_id=entry.id,
        label=entry.role.label,
        after={"network": entry.network, "note": entry.note},
    )
