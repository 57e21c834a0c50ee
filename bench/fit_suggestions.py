"""Fit the weights of suggestions on the labelled messages, the held-back part left out.

    python -m bench.fit_suggestions

Logistic regression over every pair of a message that no rule answers and a rule of the city: is it
the rule that is meant? Prints the weights for `keywords/matching/suggestions.py`, with the encoder
and without, and for some thresholds what the lists would be worth (ten-fold cross-validation).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from bench import quality
from bench.common.json_object import JsonObject
from bench.quality import Demo
from keywords.language import small_talk
from keywords.language.normalize import normalize
from keywords.matching.suggestions import (
    MAX_BELOW_BEST,
    MAX_BIGRAMS,
    MAX_SUGGESTIONS,
    SuggestionIndex,
)
from keywords.rules.values import MatchInput

COLUMNS = ("base", "bigrams", "meaning", "own", "matched")
WITHOUT_MEANING = ("base", "bigrams", "own", "matched")
THRESHOLDS = (-4.0, -3.5, -3.2, -2.9, -2.7, -2.4, -2.2, -2.0, -1.5)
_FOLDS = 10
_RIDGE = 1.0
_STEPS = 60

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """One message: a row of evidence for each rule, and which rules are meant."""

    evidence: Matrix
    is_meant: Matrix


def main() -> None:
    """Print weights and what they give."""
    demo = Demo.load()
    index = SuggestionIndex(demo.book.all_rules_matcher.rules)
    index.update_meanings(seconds=inf)
    examples = [
        example
        for path in quality.FILES
        for message in quality.read_messages(path, "train")
        if (example := _example(demo, index, message)) is not None
    ]
    print(
        f"{len(examples)} messages, of {sum(bool(each.is_meant.any()) for each in examples)}"
        " some rule is meant"
    )
    for columns in (COLUMNS, WITHOUT_MEANING):
        chosen = [COLUMNS.index(name) for name in columns]
        print(
            "\n"
            + ", ".join(
                f"{name}={weight:.2f}"
                for name, weight in zip(columns, _fit(examples, chosen), strict=True)
            )
        )
        _print_worth(examples, _cross_validated(examples, chosen))


def _example(demo: Demo, index: SuggestionIndex, message: JsonObject) -> Example | None:
    """None for messages that never come to suggestions."""
    account, text = demo.accounts[message["department"]], message["text"]
    normal = normalize(text)
    if (
        demo.book.find_emergency(text)
        or demo.book.match(account, MatchInput(text), now=quality.NOW)
        or small_talk.is_small_talk(normal)
    ):
        return None
    rules = demo.book.all_rules_matcher.rules
    own = {rule.slug for rule in demo.book.rules_of(account)}
    matched = {rule.slug for rule in demo.book.all_rules_matcher.rank(normal, now=quality.NOW)}
    evidence = np.zeros((len(rules), len(COLUMNS)))
    evidence[:, 0] = 1
    evidence[:, 3] = [rule.slug in own for rule in rules]
    for number, found in index.collect_evidence(normal, own=own, matched=matched):
        evidence[number, 1:] = (
            min(found.bigrams, MAX_BIGRAMS),
            found.meaning or 0.0,
            found.is_own,
            found.is_matched,
        )
    meant = quality.right_rules(message) | {message.get("matrix_intent")}
    return Example(evidence, np.array([float(rule.slug in meant) for rule in rules]))


def _fit(examples: Sequence[Example], columns: Sequence[int]) -> Matrix:
    """Weights by Newton's method, with a small ridge against weights that grow without end."""
    evidence = np.concatenate([each.evidence[:, columns] for each in examples])
    is_meant = np.concatenate([each.is_meant for each in examples])
    weights = np.zeros(len(columns))
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-np.clip(evidence @ weights, -30, 30)))
        slope = evidence.T @ (likely - is_meant) + _RIDGE * weights
        curvature = (evidence * (likely * (1 - likely))[:, None]).T @ evidence
        step = np.linalg.solve(curvature + _RIDGE * np.eye(len(columns)), slope)
        # a full step from zero would overshoot
        weights -= step * min(1.0, 4 / np.abs(step).max())
    return weights


def _cross_validated(examples: Sequence[Example], columns: Sequence[int]) -> list[Matrix]:
    """The scores of each example by weights that were fitted without it."""
    folds = np.random.default_rng(1).integers(0, _FOLDS, len(examples))
    weights = [
        _fit([each for each, of in zip(examples, folds, strict=True) if of != fold], columns)
        for fold in range(_FOLDS)
    ]
    return [
        each.evidence[:, columns] @ weights[fold]
        for each, fold in zip(examples, folds, strict=True)
    ]


def _print_worth(examples: Sequence[Example], scored: Sequence[Matrix]) -> None:
    askable = sum(bool(each.is_meant.any()) for each in examples)
    print("  threshold   meant rule is shown   shown though none is meant   lists worth a tap")
    for threshold in THRESHOLDS:
        found = lists = needless = 0
        for example, scores in zip(examples, scored, strict=True):
            first = np.argsort(-scores)[:MAX_SUGGESTIONS]
            if scores[first[0]] < threshold:
                continue
            floor = scores[first[0]] - MAX_BELOW_BEST
            lists += 1
            found += bool(example.is_meant[first][scores[first] >= floor].any())
            needless += not example.is_meant.any()
        shares = (found / askable, needless / (len(examples) - askable), found / max(1, lists))
        print(f"  {threshold:>9.2f}" + "".join(f"{share:>20.1%}" for share in shares))


if __name__ == "__main__":
    main()
