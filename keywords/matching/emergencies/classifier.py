"""A linear classifier of danger over hashed features, for what no list of words can say.

    features ──> weight of each character ──> sum, best and worst stretch ──> score ──> Tier

Two linear models on top of each other. The first gives every place of the message a weight; the
second looks at how these weights lie, so that a long administrative sentence beside a cry for help
does not outweigh it. `bench/fit_danger.py` learns both from labelled messages; the weights are
`weights.npz`. Only numpy is needed, and nothing here changes after loading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keywords.matching.emergencies.features import Features

WEIGHTS = Path(__file__).with_name("weights.npz")
_WINDOW = 10
_MOST_CATEGORIES, _MOST_EVENTS = 4, 6

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """What was learned.

    `places` has one weight a feature, `shape` one for each item of `shape_of` and then the bias.
    `kinds` is a matrix of kinds by categories, with a bias as its last column; `categories` and
    `kind_names` name its columns and rows.
    """

    places: Floats
    shape: Floats
    kinds: Floats
    categories: Sequence[str]
    kind_names: Sequence[str]
    possible: float
    certain: float


@cache
def load() -> Weights:
    """The weights of the project, read once a process."""
    with np.load(WEIGHTS) as stored:
        return Weights(
            places=stored["places"].astype(np.float32),
            shape=stored["shape"],
            kinds=stored["kinds"].astype(np.float32),
            categories=stored["categories"].tolist(),
            kind_names=stored["kind_names"].tolist(),
            possible=float(stored["possible"]),
            certain=float(stored["certain"]),
        )


def weights_by_place(features: Features, weights: Floats) -> Floats:
    """The sum of the weights at each character of the message."""
    sums = np.bincount(features.positions, weights[features.numbers], features.length)
    return sums.astype(np.float32)


def shape_of(places: Floats, features: Features) -> Floats:
    """How the weights lie: their sum, best and worst stretch and window, and the events."""
    running = np.concatenate(([np.float32(0)], np.cumsum(places)))
    best = (running - np.minimum.accumulate(running)).max()
    worst = (running - np.maximum.accumulate(running)).min()
    size = min(_WINDOW, len(places))
    windows = running[size:] - running[:-size]
    events = features.events
    categories = {hit.categories for hit in events}
    counts = (min(len(categories), _MOST_CATEGORIES), min(len(events), _MOST_EVENTS))
    measures = (running[-1], best, worst, windows.max(), windows.min(), *counts)
    return np.array(measures, np.float32)


def score(features: Features, weights: Weights) -> float:
    """How much speaks for a danger, as log odds."""
    shape = shape_of(weights_by_place(features, weights.places), features)
    return float(shape @ weights.shape[:-1] + weights.shape[-1])


def kind_scores(features: Features, weights: Weights) -> Floats:
    """How much speaks for each kind, in the order of `kind_names`."""
    present = category_vector(features, weights.kinds.shape[1] - 1)
    scores: Floats = weights.kinds[:, :-1] @ present + weights.kinds[:, -1]
    return scores


def category_vector(features: Features, size: int) -> Floats:
    """Which categories of events stand in a message, as ones; by sound counts like by word."""
    present = np.zeros(size, np.float32)
    for hit in features.events:
        for category in hit.categories:
            present[category % size] = 1
    return present


def best_stretch(places: Floats) -> tuple[int, int]:
    """Start and end of the stretch of characters whose weights say most for a danger."""
    running = np.concatenate(([np.float32(0)], np.cumsum(places)))
    gains = running - np.minimum.accumulate(running)
    end = int(gains.argmax())
    return int(running[: end + 1].argmin()), end
