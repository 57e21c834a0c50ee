"""Tests of the keywords, and the scenes they share."""

from typing import Any

from keywords.rules.replies import Text
from keywords.rules.values import Keyword, Rule


def rule(code: str, *texts: str | Keyword, **more: Any) -> Rule:
    """A rule with these keywords; plain texts are contained."""
    keywords = tuple(Keyword(each) if isinstance(each, str) else each for each in texts)
    return Rule(
        slug=code,
        name=more.pop("name", code),
        keywords=keywords or (Keyword(code),),
        replies=(Text(f"答复 {code}"),),
        **more,
    )
