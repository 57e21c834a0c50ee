"""The menus of accounts.

blueprint  the blueprint, and the header of an account's pages
editor     the form of a menu, with a preview
form_rows  form fields to button rows and back, and the editor's small buttons
versions   all accounts, the versions of one, pushing, restoring, copying
published  what WeChat shows now; conditional menus; what one follower sees
"""

from app.console.menus import editor, published, versions
from app.console.menus.blueprint import blueprint

__all__ = ["blueprint", "editor", "published", "versions"]
