"""Masking: what identifies a person is covered wherever staff read what citizens wrote.

    13812345678         ─> 138****5678            a mobile number keeps 3 and 4 digits
    61058219900101123X  ─> 610582********123X     an ID or bank card number keeps 6 and 4

Numbers are found as people write them: with blanks or hyphens between the groups, with a country
code, in full width. Masked text is masked text: doing it twice changes nothing. Numbers of
offices (0913-…, 12345, 110) are left alone.
"""

import re

_GAP = r"[ \-\u3000]?"
_DIGIT = r"\dXxＸｘ"
# people's ID numbers have 18 places, formerly 15; bank cards have 16 to 19
_NUMBER = re.compile(
    rf"(?<!\d)(?:(?P<id>\d{{6}}{_GAP}\d{{8}}{_GAP}\d{{3}}[{_DIGIT}](?!\d))"
    rf"|(?:(?:\+|00)?86{_GAP})?(?P<mobile>[1１][3-9３-９]\d{_GAP}\d{{4}}{_GAP}\d{{4}}(?!\d))"
    rf"|(?P<long>(?:\d{_GAP}){{14,}}[{_DIGIT}]))"
)
_NOT_DIGITS = re.compile(rf"[^{_DIGIT}]")
_VISIBLE_START = {"id": 6, "mobile": 3, "long": 6}
_VISIBLE_END = 4


def mask_pii(text: str) -> str:
    """The text with mobile, ID and card numbers covered; everything else stays as it was."""
    return _NUMBER.sub(_mask_match, text)


def _mask_match(found: re.Match[str]) -> str:
    kind = str(found.lastgroup)
    digits, visible_start = _NOT_DIGITS.sub("", found[kind]), _VISIBLE_START[kind]
    return f"{digits[:visible_start]}{'*' * (len(digits) - visible_start - _VISIBLE_END)}{digits[-_VISIBLE_END:]}"
