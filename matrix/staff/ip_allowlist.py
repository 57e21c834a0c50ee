"""Networks: from where a role works. A role without a line here works from everywhere."""

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address, ip_network

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.database import Base, session
from config.errors import Invalid, NotFound
from matrix.staff.grants import Grant
from matrix.staff.roles import ROLE_LABELS, Role


class AllowedNetwork(Base):
    """One network from which a role works, in CIDR form."""

    __tablename__ = "staff_allowed_networks"
    __table_args__ = (UniqueConstraint("role", "network"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[Role]
    network: Mapped[str]
    note: Mapped[str]
    created_at: Mapped[datetime]


def list_all() -> list[AllowedNetwork]:
    """All lines, by role."""
    return list(
        session.scalars(select(AllowedNetwork).order_by(AllowedNetwork.role, AllowedNetwork.id))
    )


def add(role: Role, network: str, note: str, *, now: datetime) -> AllowedNetwork:
    """Let a role work from a network. The first line of a role shuts all others out.

    Raises Invalid.
    """
    try:
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
    _audit("network.add", entry)
    return entry


def remove(network_id: int) -> Role:
    """Take a line out. Returns whose it was. Raises NotFound."""
    entry = session.get(AllowedNetwork, network_id)
    if entry is None:
        raise NotFound(kind="network", id=network_id)
    _audit("network.remove", entry)
    session.delete(entry)
    session.flush()
    return entry.role


def allowed_grants(grants: Iterable[Grant], address: str) -> list[Grant]:
    """Those of some grants whose roles work from an address. One query."""
    allowed: dict[Role, list[str]] = {}
    for entry in list_all():
        allowed.setdefault(entry.role, []).append(entry.network)
    return [
        grant
        for grant in grants
        if grant.role not in allowed or _is_within(address, allowed[grant.role])
    ]


def _is_within(address: str, networks: Iterable[str]) -> bool:
    try:
        parsed_address = ip_address(address)
    except ValueError:
        return False
    return any(parsed_address in ip_network(network) for network in networks)


def _audit(action: str, entry: AllowedNetwork) -> None:
    audit.record(
        action,
        kind="network",
        object_id=entry.id,
        label=ROLE_LABELS[entry.role],
        after={"network": entry.network, "note": entry.note},
    )
