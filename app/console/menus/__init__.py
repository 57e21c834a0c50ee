"""Menus of the accounts: the board, the editor, versions, and what WeChat shows to whom."""

from app.console.menus import audiences, editing, history
from app.console.menus.blueprint import blueprint

__all__ = ["audiences", "blueprint", "editing", "history"]
