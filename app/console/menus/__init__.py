"""Menus of the accounts: the board, the editor, versions, and what WeChat shows to whom."""

from app.console.menus import editor, published, versions
from app.console.menus.blueprint import blueprint

__all__ = ["blueprint", "editor", "published", "versions"]
