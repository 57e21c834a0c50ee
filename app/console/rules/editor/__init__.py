"""The editor of a rule: its form, the pages that save a draft, and the preview beside the form."""

from app.console.rules.editor import preview, views

__all__ = ["preview", "views"]
