"""A small city as files, for the tests of loading."""

import struct
import zlib
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from app import content, models
from config.database import session, transaction

DEPARTMENTS = """\
version: 1
region: {name: 华阴市, division_code: "610582", head_account: release}
defaults: {verified: true, hours: {weekday_am: "08:30-12:00"}}
departments:
  - {id: release, name: 华阴发布, kind: 主号}
  - {id: police, name: 公安局, phone: "0913-0000101", duties: [户籍, 12345]}
  - {id: station, name: 太华路派出所, parent: police}
towns:
  - {id: town, code: "610582001", name: 太华路街道}
"""
ACCOUNTS = """\
accounts:
  - appid: wx0123456789abcdef
    original_id: gh_0123456789ab
    department: police
    name: 华阴公安
    kind: service
    verified: true
    mode: safe
    token: Token1
    aes_key: abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ
    secret: secret
    welcome: 您好
    menu:
      - {name: 证件, kind: ask, value: 身份证}
      - name: 更多
        buttons:
          - {name: 网站, kind: link, value: "https://example.org/"}
"""
SERVICES = """\
services:
  - id: svc-id-card
    department: police
    name: 居民身份证补领
    conditions: [本人到场]
    materials:
      - {name: 户口簿, form: 原件, required: false}
    legal_days: 60
    online_level: 2
    fee: {charge: true, desc: 补领 40 元}
    appointment: {enabled: true, window_days: 5}
    keywords: [身份证]
    review_by: 2027-01-31
"""
RULES = """\
fallback: {text: 暂时没有找到答复。}
emergency: {keywords: [溺水], text: 请立即拨打 110。}
rules:
  - id: police.id_card
    department: police
    name: 身份证办理
    keywords: [身份证]
    priority: 60
    service: svc-id-card
    reply: {type: text, content: 带户口簿到派出所。}
"""
ARTICLES = """\
articles:
  - id: art-1
    department: police
    title: 身份证异地也能办
    level: 重要
    original: true
    tags: [身份证]
    body_markdown: |
      第一段。

      第二段。
"""
FILES = {
    "departments.yaml": DEPARTMENTS,
    "accounts.yaml": ACCOUNTS,
    "services.yaml": SERVICES,
    "keywords.yaml": RULES,
    "articles.yaml": ARTICLES,
}


def write_files(folder: Path, **changed: str) -> list[Path]:
    """Write the city's files, some of them changed or more, and give their paths."""
    texts = FILES | {f"{name}.yaml": text for name, text in changed.items()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def load(paths: list[Path], now: datetime) -> content.LoadResult:
    """Load files as the command does."""
    with transaction():
        return content.load(paths, now=now)


def row_counts() -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: session.scalar(select(func.count()).select_from(table)) or 0
        for table in models.metadata.sorted_tables
    }


def png() -> bytes:
    """The smallest picture."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    image = zlib.compress(b"\0\0")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", image) + chunk(b"IEND", b"")
    )
