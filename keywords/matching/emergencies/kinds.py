"""The kinds of danger, how sure one is, and what the detector says about a message."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.labelled_enum import LabelledEnum
from keywords.rules.standard_texts import StandardText


class Tier(LabelledEnum):
    """How sure it is that somebody is in danger.

    CERTAIN gets the emergency answer at once. POSSIBLE (reported, past, unclear, misspelt) keeps
    the ordinary answer and adds one line with the telephone numbers.
    """

    CERTAIN = "certain", "正在发生"
    POSSIBLE = "possible", "可能有危险"


class DangerKind(LabelledEnum):
    """What threatens; the kind decides which number to call."""

    FIRE = "fire", "火情"
    GAS = "gas", "燃气或毒气"
    ELECTRICITY = "electricity", "触电"
    FLOOD = "flood", "洪水积水"
    TRAFFIC = "traffic", "交通事故"
    FALL = "fall", "坠落跌倒"
    COLLAPSE = "collapse", "坍塌掩埋"
    EARTHQUAKE = "earthquake", "地震"
    TRAPPED = "trapped", "被困"
    LOST = "lost", "走失失联"
    VIOLENCE = "violence", "暴力威胁"
    BREAKIN = "breakin", "入室盗抢"
    POISONING = "poisoning", "中毒"
    CHOKING = "choking", "噎呛窒息"
    STROKE_HEART = "stroke_heart", "中风心脏急症"
    UNCONSCIOUS = "unconscious", "昏迷抽搐"
    BIRTH = "birth", "临产急症"
    INJURY = "bleeding_injury", "出血受伤"
    DROWNING = "drowning", "溺水"
    ANIMAL = "animal", "动物伤人"
    DISEASE = "disease_outbreak", "群体发病"
    INDUSTRIAL = "industrial", "生产安全事故"
    FRAUD = "fraud", "正在受骗"
    SUICIDE = "suicide", "轻生"
    OTHER = "other", "紧急求助"


@dataclass(frozen=True, slots=True)
class Danger:
    """A danger found in a message; `reason` holds the words that decided, joined by "、"."""

    tier: Tier
    kind: DangerKind
    reason: str

    @property
    def is_certain(self) -> bool:
        """Whether the emergency answer comes instead of any other."""
        return self.tier is Tier.CERTAIN


_PROMPTS: Mapping[StandardText, tuple[DangerKind, ...]] = {
    StandardText.EMERGENCY_FIRE: (DangerKind.FIRE, DangerKind.GAS, DangerKind.INDUSTRIAL),
    StandardText.EMERGENCY_RESCUE: (
        DangerKind.TRAPPED,
        DangerKind.DROWNING,
        DangerKind.COLLAPSE,
        DangerKind.EARTHQUAKE,
        DangerKind.FLOOD,
    ),
    StandardText.EMERGENCY_POLICE: (DangerKind.VIOLENCE, DangerKind.BREAKIN, DangerKind.LOST),
    StandardText.EMERGENCY_MEDICAL: (
        DangerKind.FALL,
        DangerKind.ELECTRICITY,
        DangerKind.POISONING,
        DangerKind.CHOKING,
        DangerKind.STROKE_HEART,
        DangerKind.UNCONSCIOUS,
        DangerKind.BIRTH,
        DangerKind.INJURY,
        DangerKind.ANIMAL,
        DangerKind.DISEASE,
    ),
    StandardText.EMERGENCY_TRAFFIC: (DangerKind.TRAFFIC,),
    StandardText.EMERGENCY_FRAUD: (DangerKind.FRAUD,),
    StandardText.EMERGENCY_SUICIDE: (DangerKind.SUICIDE,),
}
# the text for each kind of danger; a kind that is not named gets the city's general prompt
PROMPTS: Mapping[DangerKind, StandardText] = {
    kind: text for text, dangers in _PROMPTS.items() for kind in dangers
}
