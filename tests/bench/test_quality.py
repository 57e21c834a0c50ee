"""Quality: measures mean what they say, and what is held back stays apart."""

import json
from pathlib import Path

import pytest

from bench import quality
from bench.common.json_object import JsonObject


def judged(**more: object) -> JsonObject:
    """One classified message; nothing wanted, nothing given."""
    return {"intent": None, "outcome": "quiet", "alarm": None, "suggested": [], **more}


def test_right_among_three_counts_answers_and_suggestions() -> None:
    found = quality.compute_metrics(
        [
            judged(intent="a", outcome="right"),
            judged(intent="a", outcome="missed", suggested=["b", "a"]),
            judged(intent="a", also=["c"], outcome="missed", suggested=["c"]),
            judged(intent="a", outcome="wrong"),
        ]
    )
    assert (found["right"], found["right_among_three"], found["wrong"]) == (0.25, 0.75, 0.25)


def test_what_no_rule_answers_is_told_from_what_went_to_the_wrong_department() -> None:
    found = quality.compute_metrics(
        [
            judged(kind="misroute", matrix_intent="a", suggested=["a"]),
            judged(kind="noanswer", suggested=["a"]),
            judged(kind="smalltalk"),
            judged(kind="smalltalk", outcome="false"),
        ]
    )
    assert (found["transfer"], found["suggested"], found["false"]) == (1, 0.3333, 0.25)


def test_three_of_ten_messages_are_held_back_always_the_same() -> None:
    path = quality.FILES[1]
    train, held_back = (quality.read_messages(path, split) for split in quality.SPLITS)
    assert len(train) + len(held_back) == len(quality.read_messages(path))
    assert 0.25 < len(held_back) / len(quality.read_messages(path)) < 0.35
    assert quality.split_of(path, "身份证丢了怎么补") == "train"
    assert quality.split_of(path, "户口") == "held-back"


def test_a_file_that_rules_were_written_by_is_training_only() -> None:
    assert quality.read_messages(quality.MESSAGES, "held-back") == []


def test_both_parts_are_reported_apart_and_mistakes_only_of_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    messages, figures = tmp_path / "some.jsonl", tmp_path / "figures.json"
    rows = [
        {"department": "police", "text": text, "intent": "police.nothing", "kind": "match"}
        for text in ("身份证丢了怎么补", "户口")
    ]
    messages.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["quality", "--wrong", "--json", str(figures), str(messages)])

    quality.main()

    told = capsys.readouterr().out
    assert "some.jsonl, train: 1 messages" in told
    assert "some.jsonl, held-back: 1 messages" in told
    assert "'身份证丢了怎么补'" in told
    assert "'户口'" not in told
    assert set(json.loads(figures.read_text("utf-8"))["some.jsonl"]) == set(quality.SPLITS)
