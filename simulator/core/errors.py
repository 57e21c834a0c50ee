"""Refused: the platform says no, with a number and a sentence."""

from __future__ import annotations


class ApiError(Exception):
    """An API call ends here; the door turns it into `{"errcode": …, "errmsg": …}`."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(f"{errcode} {errmsg}")
        self.errcode = errcode
        self.errmsg = errmsg


class ActionRejected(Exception):
    """Somebody asked for what a phone or a console cannot do; the Chinese text is for the page."""
