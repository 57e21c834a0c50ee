"""Accounts: how they do, connecting one, its keys, stopping it.

blueprint  the group and what its pages share
forms      what can be typed
board      all accounts, the worst first; one account; its code; its tasks
connect    a new account, step by step, and the checks; changing what it is
keys       showing keys, changing them without a gap, a new AppSecret; pausing
"""

from app.console.accounts import connect, detail, keys
from app.console.accounts.blueprint import blueprint

__all__ = ["blueprint", "connect", "detail", "keys"]
