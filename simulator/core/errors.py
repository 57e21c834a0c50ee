"""The errors of the simulator."""

from __future__ import annotations


class ApiError(Exception):
    """Refuses an API call; `dispatch` answers `{"errcode": …, "errmsg": …}`."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(f"{errcode} {errmsg}")
        self.errcode = errcode
        self.errmsg = errmsg


# no ApiError, because it has no return code: on the real platform no request would be sent at all
class ActionRejected(Exception):
    """An action that a real phone or console does not offer; the Chinese text is shown there."""
