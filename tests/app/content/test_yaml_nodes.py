"""YAML files as they are read, before anybody asks what they mean."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.content import export, yaml_nodes
from app.content.record import Record
from app.content.yaml_nodes import InvalidFile
from config.text_cleaning import clean


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_bare_words_are_numbers_flags_nothing_or_text(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "a: 12\nb: -3.5\nc: true\nd: ~\ne:\nf: yes\ng: 14:00\nh: 0913\ni: 2026-01-31\nj: '12'\n"
        "k: 1_000\nl: 身份证\nm: !!str 12\nn: 99999999999999999999\n",
    )
    assert yaml_nodes.to_python(yaml_nodes.read_file(path)) == {
        "a": 12,
        "b": -3.5,
        "c": True,
        "d": None,
        "e": None,
        "f": "yes",
        "g": "14:00",
        "h": "0913",
        "i": "2026-01-31",
        "j": "12",
        "k": "1_000",
        "l": "身份证",
        "m": "12",
        "n": "99999999999999999999",
    }


def test_an_alias_stands_for_what_its_anchor_names(tmp_path: Path) -> None:
    path = written(tmp_path, "a: &hours [08:30-12:00]\nb: {c: *hours}\nd: &x y\ne: *x\n")
    assert yaml_nodes.to_python(yaml_nodes.read_file(path)) == {
        "a": ["08:30-12:00"],
        "b": {"c": ["08:30-12:00"]},
        "d": "y",
        "e": "y",
    }


def bomb() -> str:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 12):
        levels.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    return "\n".join(levels)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: [1\nb: 2\n", 2, "不是正确的 YAML"),
        ("a: 1\n\tb: 2\n", 2, "不是正确的 YAML"),
        ("a: 'open\n", 2, "不是正确的 YAML"),
        ("a: b\x07", 1, "不可见的控制字符"),
        ("a: 1\nb: 2\na: 3\n", 3, "a 重复，第 1 行已写过"),
        ("a: {b: 1, b: 2}\n", 1, "b 重复"),
        ("1: a\n", 1, "名称应是文字"),
        ("? [a, b]\n: c\n", 1, "名称应是文字"),
        ("a: 1\n---\nb: 2\n", 2, "一个文件只能有一份内容"),
        ("- a\n", 1, "内容应是一组"),
        ("", 1, "内容应是一组"),
        ("just words\n", 1, "内容应是一组"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "不支持标签"),
        ("a: !!binary aGk=\n", 1, "不支持标签"),
        ('a: 1\nb: "nul \\0"\n', 2, "不可保存的字符"),
        ("a: &x [*x]\n", 1, "别名 *x 没有可引用的内容"),
        ("a: *missing\n", 1, "别名 *missing"),
        (bomb(), 4, "别名重复的内容过多"),
        ("a: " + "[" * 50_000, 1, "嵌套超过"),
        ("a: " + "{b: " * 50_000, 1, "嵌套超过"),
        (b"a: 1\nb: \xff\xfe\n", 2, "不是 UTF-8"),
    ],
)
def test_what_is_no_sound_yaml_is_refused_by_its_line(
    tmp_path: Path, text: str | bytes, line: int, problem: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InvalidFile) as refused:
        yaml_nodes.read_file(path)
    assert str(refused.value).startswith(f"{path} 第 {line} 行：")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"nowhere\.yaml：文件不存在或无法读取"):
        yaml_nodes.read_file(tmp_path / "nowhere.yaml")
    with pytest.raises(InvalidFile, match="文件不存在或无法读取"):
        yaml_nodes.read_file(tmp_path)


def test_a_file_beyond_the_limit_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_nodes, "MAX_FILE_SIZE", 100)
    path = written(tmp_path, "a: " + "x" * 100)
    with pytest.raises(InvalidFile, match="文件超过"):
        yaml_nodes.read_file(path)


def test_a_field_is_refused_by_the_line_it_stands_on(tmp_path: Path) -> None:
    text = "id: x\nreplies:\n  - {type: text}\n  - type: image\n    media: 7\n"
    record = Record(Path("k.yaml"), yaml_nodes.read_file(written(tmp_path, text)))
    assert str(record.error("replies[2].media", "错。")) == "k.yaml 第 5 行 replies[2].media：错"
    assert str(record.error("replies[9].media", "错")).startswith("k.yaml 第 2 行")
    assert str(record.error("missing", "错")).startswith("k.yaml 第 1 行")


def test_an_unknown_field_is_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    record = Record(
        Path("k.yaml"), yaml_nodes.read_file(written(tmp_path, "id: x\nprioritaet: 7\n"))
    )
    with pytest.raises(InvalidFile, match=r"第 2 行 prioritaet：没有这个字段，是否应为 priority$"):
        record.allow_only("id", "priority")


# what the hub stores, and so exports: a text that was cleaned when it came in
_STORED = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20
).map(clean)


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | _STORED,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(_STORED.filter(bool), inner, max_size=3)
        ),
        max_leaves=20,
    )
)
def test_what_the_export_writes_is_read_as_it_was_meant(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(export.to_yaml({"a": content}), encoding="utf-8")
    assert yaml_nodes.to_python(yaml_nodes.read_file(path)) == {"a": content}
