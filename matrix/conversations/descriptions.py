"""Descriptions: a message of any kind in the words that agents read for it."""

from typing import Any


def describe(kind: str, text: str, content: dict[str, Any] | None) -> str:
    """What an inbox row says in a line: its text, or what describes a kind without one best.

    `content` are the stored fields of the kind; unmasked, so the caller masks it.
    """
    values = content or {}
    match kind:
        case "location" | "menu_location_chosen":
            return str(values.get("label") or "") or _coordinates(values) or text
        case "link":
            return f"{values.get('title', '')} {values.get('url', '')}".strip()
        case "file":
            return str(values.get("title", "")) + _size(values.get("size"))
        case "mini_program_card":
            return str(values.get("title", ""))
        case "scanned" | "followed":
            return str(values.get("scene") or "")
    return text


def _coordinates(values: dict[str, Any]) -> str:
    latitude, longitude = values.get("latitude"), values.get("longitude")
    return "" if latitude is None or longitude is None else f"北纬 {latitude}，东经 {longitude}"


def _size(size: object) -> str:
    if not isinstance(size, int):
        return ""
    return f"（{size / 2**20:.1f} MB）" if size >= 2**20 else f"（{max(1, size // 1024)} KB）"
