"""The dialogue: who answers a message.

    push ──> emergency ─> tapped option ─> event ─> keywords ─> suggestion ─> fallback ──> Answer
                 the first that has an answer wins

`answer` decides, from values in memory alone. `settle` writes the push down and acts, in one
transaction; a repeated push gets the answer of the first time and causes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from app.live import Live
from config import alarms, clock
from keywords import replies as rule_replies
from keywords.matching import Occasion, Verdict
from matrix import followers, inbox, sendings
from matrix.accounts import Connection
from matrix.inbox import Outcome
from matrix.wechat import messages
from matrix.wechat.replies import Reply, Text, fitted, render
from matrix.wechat.texts import cut_text

EMERGENCY_ALARM = "inbox.emergency"
_OPTION = "rule:"
