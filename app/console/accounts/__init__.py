"""The pages of official accounts: their health, connecting a new one, its keys.

blueprint  the blueprint, and what its pages share
labels     the Chinese names of kinds, modes, health levels and to-dos
forms      the forms
health     all accounts, the unhealthiest first
detail     one account: figures, to-dos, QR code, pausing
connect    connecting a new account step by step, with checks; editing an account
keys       showing the callback keys, rotating them without a gap, a new AppSecret
"""

from app.console.accounts import connect, detail, health, keys
from app.console.accounts.blueprint import blueprint

__all__ = ["blueprint", "connect", "detail", "health", "keys"]
