"""Learn the weights of the danger classifier.

    python -m bench.fit_danger [--check]

Logistic regression with an L2 penalty, on the messages that are not held back and on those written
for training, each danger a second time beside an ordinary sentence and a third time misspelt. The
second model learns from messages that the first one has not seen (five folds), and so do the
thresholds. `--check` only prints the figures of the folds.
"""

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.common.held_back import is_held_back
from bench.danger_data import Labelled, load_labelled, load_training, make_messages
from keywords.language import phonetics
from keywords.matching.emergencies import classifier, features
from keywords.matching.emergencies.features import Features
from keywords.matching.emergencies.words import DangerWords

FOLDS = 5
PENALTY = 0.2
ORDINARY_WEIGHT = 4.0
# shares of messages that may wrongly be taken for a danger, from the targets with some room
NEAR_POSSIBLE, ORDINARY_POSSIBLE, NEAR_CERTAIN = 0.058, 0.015, 0.007

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Messages with their features as one list of numbers, cut at `starts`."""

    messages: list[Labelled]
    features: list[Features]
    numbers: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, messages: list[Labelled], found: list[Features]) -> "Rows":
        """Join the features of messages."""
        lengths = np.array([len(each.numbers) for each in found])
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64)
        return cls(messages, found, np.concatenate([each.numbers for each in found]), starts)

    def pick(self, chosen: Sequence[int]) -> "Rows":
        """Some of them."""
        return Rows.of([self.messages[i] for i in chosen], [self.features[i] for i in chosen])

    @property
    def targets(self) -> Floats:
        """1 for a danger, else 0."""
        return np.array([message.tier > 0 for message in self.messages], float)

    @property
    def weights(self) -> Floats:
        """How much each message counts."""
        return np.array([ORDINARY_WEIGHT if m.is_ordinary else 1.0 for m in self.messages])


def main() -> None:
    """Learn and write the weights, or check them by folds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    is_check = parser.parse_args().check
    words = DangerWords()
    shown = [message for message in load_labelled() if not is_held_back(message.text)]
    training = [message for message in load_training() if not is_held_back(message.text)]
    folds = _folds([*shown, *training], make_messages())
    rows = Rows.of(folds.messages, [features.extract(m.text, words) for m in folds.messages])
    scores, shape = _cross_fit(rows, folds.numbers, words)
    thresholds = _thresholds(rows.messages, scores, len(shown))
    _print(rows.messages[: len(shown)], scores[: len(shown)], thresholds)
    if not is_check:
        _write(rows, shape, thresholds, words)


@dataclass(frozen=True)
class Folds:
    """Messages and their changed copies, with the fold of each; a copy is in that of its source."""

    messages: list[Labelled]
    numbers: NDArray[np.int64]


def _folds(sources: list[Labelled], made: list[Labelled]) -> Folds:
    chance = random.Random(1)
    numbers = [chance.randrange(FOLDS) for _ in sources]
    plain = [m.text for m in sources if m.is_ordinary and len(m.text) < 40]
    beside, misspell = _beside(chance, plain), _misspell(chance)
    messages, folds = list(sources), list(numbers)
    for source, fold in zip(sources, numbers, strict=True):
        # ordinary ones as well, or a long message would be a danger because it is long
        for change in (beside,) if source.is_ordinary else (beside, misspell):
            messages.append(
                Labelled(change(source.text), source.tier, source.kind, source.is_ordinary)
            )
            folds.append(fold)
    # made messages measure nothing: the thresholds come from the first ones alone
    folds += [chance.randrange(FOLDS) for _ in made]
    return Folds([*messages, *made], np.array(folds))


def _beside(chance: random.Random, plain: Sequence[str]) -> Callable[[str], str]:
    """The change that puts an ordinary sentence before or after a text."""

    def change(text: str) -> str:
        parts = [text, chance.choice(plain)]
        chance.shuffle(parts)
        return chance.choice("，。, ").join(parts)

    return change


def _misspell(chance: random.Random) -> Callable[[str], str]:
    """The change that writes some characters as another one of the same sound, or in pinyin."""
    by_sound: dict[str, list[str]] = {}
    for character in map(chr, range(0x4E00, 0x9FA5)):
        by_sound.setdefault(phonetics.usual_reading(character), []).append(character)
    common = set("".join(m.text for m in load_training()))

    def change(text: str) -> str:
        rate = chance.choice((0.1, 0.1, 0.2, 1.0))
        return (
            "".join(
                replace(character) if chance.random() < rate else character for character in text
            )
            if rate < 1
            else "".join(map(spell, text))
        )

    def replace(character: str) -> str:
        same = [c for c in by_sound.get(phonetics.usual_reading(character), ()) if c in common]
        return chance.choice(same) if same and chance.random() < 0.7 else spell(character)

    def spell(character: str) -> str:
        return phonetics.usual_reading(character) or character

    return change


def _cross_fit(rows: Rows, folds: NDArray[np.int64], words: DangerWords) -> tuple[Floats, Floats]:
    """The score of each message by models that have not seen it, and the second model."""
    size = features.table_size(len(words.categories))
    shapes = np.zeros((len(rows.messages), 7))
    for fold in range(FOLDS):
        learned = _fit_places(rows.pick(np.flatnonzero(folds != fold)), size)
        for index in np.flatnonzero(folds == fold):
            found = rows.features[index]
            shapes[index] = classifier.shape_of(
                classifier.weights_by_place(found, learned.astype(np.float32)), found
            )
    shape = _fit_dense(shapes, rows.targets, rows.weights)
    return shapes @ shape[:-1] + shape[-1], shape


def _fit_places(rows: Rows, size: int) -> Floats:
    """The first model: a weight for each feature."""
    targets, weights = rows.targets, rows.weights
    lengths = np.diff(np.append(rows.starts, len(rows.numbers)))

    def gradient(learned: Floats) -> Floats:
        margins = np.add.reduceat(learned[rows.numbers], rows.starts) + learned[-1]
        errors = weights * (_sigmoid(margins) - targets)
        slope = np.bincount(rows.numbers, np.repeat(errors, lengths), size + 1)
        slope[-1] += errors.sum()
        slope[:-1] += learned[:-1] / PENALTY
        return slope

    learned = _minimise(gradient, size + 1, rounds=120)
    return learned[:-1]


def _fit_dense(columns: Floats, targets: Floats, weights: Floats) -> Floats:
    """The second model: a weight for each column, and the bias."""
    mean, spread = columns.mean(0), columns.std(0) + 1e-9
    scaled = np.column_stack(((columns - mean) / spread, np.ones(len(columns))))

    def gradient(learned: Floats) -> Floats:
        return scaled.T @ (weights * (_sigmoid(scaled @ learned) - targets)) + learned

    learned = _minimise(gradient, scaled.shape[1], rounds=600)
    slopes = learned[:-1] / spread
    return np.append(slopes, learned[-1] - slopes @ mean)


def _minimise(gradient: Callable[[Floats], Floats], size: int, *, rounds: int) -> Floats:
    """The minimum of a convex function by Adam (Kingma and Ba, 2015) with falling steps."""
    point, mean, square = np.zeros(size), np.zeros(size), np.zeros(size)
    for step in range(1, rounds + 1):
        slope = gradient(point)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        rate = 0.05 * (1 - step / (rounds + 1))
        point -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return point


def _sigmoid(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))


def _thresholds(messages: list[Labelled], scores: Floats, count: int) -> tuple[float, float]:
    """The scores from which a message is possible and certain, by the wrong ones they let in."""
    near = np.array([not m.is_ordinary and not m.tier for m in messages[:count]])
    ordinary = np.array([m.is_ordinary for m in messages[:count]])
    judged = scores[:count]
    possible = max(
        np.quantile(judged[near], 1 - NEAR_POSSIBLE),
        np.quantile(judged[ordinary], 1 - ORDINARY_POSSIBLE),
    )
    certain = max(possible, np.quantile(judged[near], 1 - NEAR_CERTAIN))
    return float(possible), float(certain)


def _print(messages: list[Labelled], scores: Floats, thresholds: tuple[float, float]) -> None:
    tiers = np.array([message.tier for message in messages])
    ordinary = np.array([message.is_ordinary for message in messages])
    for name, chosen in (
        ("certain", tiers == 2),
        ("possible", tiers == 1),
        ("near", (tiers == 0) & ~ordinary),
        ("ordinary", ordinary),
    ):
        shares = [float((scores[chosen] > limit).mean()) for limit in thresholds]
        print(f"{name:<9} {chosen.sum():>5}  any {shares[0]:.3f}  certain {shares[1]:.3f}")


def _write(rows: Rows, shape: Floats, thresholds: tuple[float, float], words: DangerWords) -> None:
    places = _fit_places(rows, features.table_size(len(words.categories)))
    kinds, names = _fit_kinds(rows, len(words.categories))
    np.savez_compressed(
        classifier.WEIGHTS,
        places=places.astype(np.float16),
        shape=shape.astype(np.float32),
        kinds=kinds.astype(np.float16),
        categories=np.array(words.categories),
        kind_names=np.array(names),
        possible=thresholds[0],
        certain=thresholds[1],
    )


def _fit_kinds(rows: Rows, category_count: int) -> tuple[Floats, list[str]]:
    """One linear model a kind, over the categories of events that stand in a danger."""
    chosen = [i for i, message in enumerate(rows.messages) if message.kind]
    vectors = np.array(
        [classifier.category_vector(rows.features[i], category_count) for i in chosen], float
    )
    kinds = np.array([rows.messages[i].kind for i in chosen])
    names = sorted(set(kinds))
    models = [
        _fit_dense(vectors, (kinds == name).astype(float), np.ones(len(kinds))) for name in names
    ]
    return np.array(models), names


if __name__ == "__main__":
    main()
