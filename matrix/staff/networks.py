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
from matrix.staff.roles import LABELS, Role


class Network(Base):
    """One network from which a role works, in CIDR form."""

    __tablename__ = "staff_networks"
    __table_args__ = (UniqueConstraint("role", "network"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[Role]
    network: Mapped[str]
    note: Mapped[str]
    created_at: Mapped[datetime]


def listed() -> list[Network]:
    """All lines, by role."""
    return list(session.scalars(select(Network).order_by(Network.role, Network.id)))


def add(role: Role, network: str, note: str, *, now: datetime) -> Network:
    """Let a role work from a network. The first line of a role shuts all others out.

    Raises Invalid.
    """
    try:
        parsed = str(ip_network(network.strip(), strict=False))
    except ValueError as error:
        problem = "应为网段，如 10.1.2.0/24 或单个地址"
        raise Invalid(field="network", problem=problem) from error
    if session.scalar(select(Network.id).where(Network.role == role, Network.network == parsed)):
        raise Invalid(field="network", problem="已在名单中")
    line = Network(role=role, network=parsed, note=note.strip()[:60], created_at=now)
    session.add(line)
    session.flush()
    _tell("network.add", line)
    return line


def remove(network_id: int) -> Role:
    """Take a line out. Returns whose it was. Raises NotFound."""
    line = session.get(Network, network_id)
    if line is None:
        raise NotFound(kind="network", id=network_id)
    _tell("network.remove", line)
    session.delete(line)
    session.flush()
    return line.role


def reachable(grants: Iterable[Grant], address: str) -> list[Grant]:
    """Those of some grants whose roles work from an address. One query."""
    allowed: dict[Role, list[str]] = {}
    for line in listed():
        allowed.setdefault(line.role, []).append(line.network)
    return [
        grant
        for grant in grants
        if grant.role not in allowed or _is_within(address, allowed[grant.role])
    ]


def _is_within(address: str, networks: Iterable[str]) -> bool:
    try:
        place = ip_address(address)
    except ValueError:
        return False
    return any(place in ip_network(network) for network in networks)


def _tell(action: str, line: Network) -> None:
    audit.record(
        action,
        kind="network",
        object_id=line.id,
        label=LABELS[line.role],
        after={"network": line.network, "note": line.note},
    )
