"""Export: the content of the database as the files that `load` reads.

Each file holds one sort of thing, ordered by id, so two exports of the same content are the same
to the byte and a version control shows what changed.
"""

import re
from pathlib import Path

import yaml

from app.content import VERSION, accounts, articles, departments, guides, media, rules
from app.references import References

_NO_SECRETS = (
    "# token、aes_key、secret 未导出；载入到原系统时保留原值。需要时用 --with-secrets 导出。\n"
)


_UNUSUAL_LINE_BREAKS = re.compile("[\r\x85\u2028\u2029]")


class _Dumper(yaml.SafeDumper):
    """Lists indented below their name, long texts in blocks."""

    # PyYAML begins list items in the column of their name; indented they are easier to see
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    # PyYAML writes the second use of an equal list as an alias (*id001), which nobody who edits the
    # file expects
    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # a long text reads as written in a block; as one quoted line it cannot be edited
    style = "|" if "\n" in text else None
    if _UNUSUAL_LINE_BREAKS.search(text):
        style = '"'  # any other style would read them as plain line ends
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def export_all(folder: Path, *, with_secrets: bool = False) -> list[Path]:
    """Write everything into a folder, which is made when it is missing. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    # asked once: every section names departments by slug
    codes = {key: code for code, key in departments.ids_by_code().items()}
    content_by_file = {
        "departments.yaml": departments.dump(),
        "media.yaml": media.dump(folder, codes),
        "accounts.yaml": accounts.dump(codes, secrets=with_secrets),
        "services.yaml": guides.dump(codes),
        "keywords.yaml": rules.dump(References.of_city()),
        "articles.yaml": articles.dump(codes),
    }
    written = []
    for name, content in content_by_file.items():
        if content:
            comment = _NO_SECRETS if name == "accounts.yaml" and not with_secrets else ""
            written.append(_write(folder / name, content, comment))
    return written


def to_yaml(content: dict[str, object]) -> str:
    """The content as `yaml_nodes.parse` reads it back."""
    # real characters, and the order in which each section lists its fields
    return yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)


def _write(path: Path, content: dict[str, object], comment: str) -> Path:
    # it may hold secrets: nobody but the owner reads it
    path.touch(mode=0o600)
    path.write_text(comment + to_yaml({"version": VERSION, **content}), encoding="utf-8")
    return path
