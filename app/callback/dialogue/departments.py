"""Departments and help: what every account answers without a rule.

    菜单, 帮助       what can be done here
    部门            the departments, each a link to its card
    人工            hands over to the people of this account
    公安局           its card: duties, phone, address, hours, account
    公安局的电话      that line of it

A rule whose keyword is the whole message goes before: its text then stands above the list.
"""

import re
from collections.abc import Iterable, Iterator

from app.callback.dialogue import facts, links
from app.callback.dialogue.context import DialogueResult, ReplyContext, text_result
from app.callback.dialogue.facts import Fact, FactQuestion
from app.callback.dialogue.links import COMMAND_PREFIX, DEPARTMENT_PREFIX
from config import clock
from keywords.language.normalize import fold
from keywords.rules import replies
from keywords.rules.schedule import is_workday
from keywords.rules.standard_texts import StandardText
from keywords.rules.values import InputKind, Rule
from matrix.departments.directory import DepartmentCard
from matrix.inbox import Outcome

HELP, DEPARTMENTS, STAFF = "help", "departments", "staff"
# what people type for a command, folded
_WORDS = {
    HELP: ("菜单", "主菜单", "目录", "帮助", "使用帮助", "功能", "help"),
    DEPARTMENTS: ("部门", "部门列表", "部门名单", "单位", "单位列表", "单位名单", "所有部门"),
}
_COMMANDS = {word: command for command, words in _WORDS.items() for word in words}
_ASKS_FOR_STAFF = re.compile(
    "(?:请|麻烦)?(?:能|可以)?(?:我|帮我|给我)?(?:要|想|想要|需要)?(?:转|转接|接|找|叫|换|联系)?(?:个|一下)?"
    "(?:人工|真人|客服|工作人员)(?:客服|服务|坐席|座席)?(?:吧|吗|呗|啊)?"
)
# in characters: no command, no name of a department and no question for a fact is longer
_MAX_LENGTH = 40
_MAX_TOPICS = 8
_FACTS = {Fact.PHONE: "phone", Fact.PLACE: "address", Fact.HOURS: "hours"}


def command_links() -> str:
    """The commands as a line of links, for whoever got no answer."""
    commands = ((HELP, "菜单"), (DEPARTMENTS, "部门"), (STAFF, "人工"))
    return "　".join(links.link(word, COMMAND_PREFIX + command) for command, word in commands)


def tapped_link(context: ReplyContext) -> DialogueResult | None:
    """The answer to a tapped command, page of departments or department."""
    if context.option_id.startswith(DEPARTMENT_PREFIX):
        number = context.option_id.removeprefix(DEPARTMENT_PREFIX)
        card = context.snapshot.directory.get(int(number)) if number.isdecimal() else None
        return _card_result(context, card) if card else None
    if not context.option_id.startswith(COMMAND_PREFIX):
        return None
    command, _, page = context.option_id.removeprefix(COMMAND_PREFIX).partition(":")
    if command == DEPARTMENTS:
        return _departments(context, int(page) if page.isdecimal() and len(page) < 6 else 0)
    return _HANDLERS[command](context) if command in _HANDLERS else None


def command(context: ReplyContext) -> DialogueResult | None:
    """The answer to a command word, typed or as the key of a menu button."""
    given = context.match_input
    if given is None or given.kind is InputKind.SCAN or len(given.text) > _MAX_LENGTH:
        return None
    named = _command_in(context, given.text)
    if not named:
        return None
    rule = context.matched_rule if named == STAFF else context.equal_rule
    # a rule that answers with a picture or a card says it all
    return None if rule is not None and not _rule_text(rule) else _HANDLERS[named](context)


def _command_in(context: ReplyContext, given: str) -> str:
    """The command that the message is, with or without a greeting; "" for none."""
    normal = context.normal
    words = (normal.text, normal.core) if normal else (fold(given),)
    if any(_ASKS_FOR_STAFF.fullmatch(each) for each in words):
        return STAFF
    return next((_COMMANDS[each] for each in words if each in _COMMANDS), "")


def by_name(context: ReplyContext) -> DialogueResult | None:
    """A department's card, or a fact of it, when the message is its name or asks just that."""
    card, question = _asked_department(context)
    if card is None or context.equal_rule is not None:
        return None
    if question is None:
        return _card_result(context, card)
    # what a department has written about its office itself says more than its card
    return None if _has_own_rule(context, card) else _fact_result(context, card, question)


def by_loose_name(context: ReplyContext) -> DialogueResult | None:
    """As `by_name`, where no rule answers: by old names, and of the account's own department."""
    normal = context.normal
    if normal is None or len(normal.text) > _MAX_LENGTH:
        return None
    directory, question = context.snapshot.directory, context.question
    if question is None:
        card = directory.find_loose(normal.text) or directory.find_loose(normal.core)
        return _card_result(context, card) if card else None
    subject = question.subject
    card = directory.find_loose(subject) if subject else context.department
    return _fact_result(context, card, question) if card else None


def _has_own_rule(context: ReplyContext, card: DepartmentCard) -> bool:
    """Whether a rule of the department answers the message at this account."""
    rule = context.matched_rule
    return rule is not None and rule.department_id == card.id


def _asked_department(
    context: ReplyContext,
) -> tuple[DepartmentCard | None, FactQuestion | None]:
    normal, directory = context.normal, context.snapshot.directory
    if normal is None or len(normal.text) > _MAX_LENGTH:
        return None, None
    card = directory.find(normal.text) or directory.find(normal.core)
    if card is not None:
        return card, None
    question = context.question
    if question is None or not question.subject:
        return None, None
    return directory.find(question.subject), question


# ---- the commands ----


def _help(context: ReplyContext) -> DialogueResult:
    lines = [_heading(context, StandardText.HELP)]
    lines += [f"· {links.rule_link(rule)}" for rule in _topics(context)]
    closing = f"更多：{command_links()}"
    return _list_result(context, [*links.fitting(lines, reserved=closing), closing])


def _topics(context: ReplyContext) -> list[Rule]:
    """The rules that stand for what the account's department does, those with a guide first."""
    own_id = context.account.department_id
    rules = [
        rule
        for rule in context.snapshot.ruleset.rules_of(context.account.id)
        if rule is not context.equal_rule and _has_words(rule)
    ]
    # the account of the city has the rules of all departments, and its own come first
    return sorted(
        rules,
        key=lambda rule: (rule.department_id != own_id, not rule.service, -rule.priority),
    )[:_MAX_TOPICS]


def _has_words(rule: Rule) -> bool:
    return any(keyword.kind is InputKind.TEXT for keyword in rule.keywords)


def _departments(context: ReplyContext, start: int = 0) -> DialogueResult:
    """The departments from a place in the list on, as many as fit, and a link to those after."""
    cards = context.snapshot.directory.cards[start:]
    heading = _heading(context, StandardText.DEPARTMENTS)
    # measured with the longest number it may have
    more = links.link("更多单位", f"{COMMAND_PREFIX}{DEPARTMENTS}:99999")
    lines = [f"· {links.department_link(card)}" for card in cards]
    shown = list(links.fitting(lines, reserved=f"{heading}\n· {more}"))
    if len(shown) < len(lines):
        address = f"{COMMAND_PREFIX}{DEPARTMENTS}:{start + len(shown)}"
        shown.append(f"· {links.link('更多单位', address)}")
    return _list_result(context, [heading, *shown])


def _hand_over(context: ReplyContext) -> DialogueResult:
    """What happens to a wish for a person: the conversation waits for this account's people."""
    # not only for the equal word: a wish for a person is said in many ways
    rule, card = context.matched_rule, context.department
    is_open = _is_open(context, card)
    occasion = StandardText.STAFF_ABSENT if is_open is False else StandardText.STAFF_PRESENT
    text = context.standard_text(occasion, **_contact(context, card))
    # a rule of the city about 人工 goes on answering, and says when nobody is there
    if rule is not None:
        said = _rule_text(rule)
        text = f"{said}\n{text}" if said and is_open is False else said or text
    return text_result(Outcome.FOR_STAFF, text, rule.slug if rule else None)


_HANDLERS = {HELP: _help, DEPARTMENTS: _departments, STAFF: _hand_over}


def _contact(context: ReplyContext, card: DepartmentCard | None) -> dict[str, str]:
    """The placeholders of texts that name the account's own department."""
    if card is None:
        return {"name": context.account.name, "phone": "", "hours": ""}
    return {"name": card.name, "phone": card.phone, "hours": str(card.hours)}


def contact(context: ReplyContext) -> dict[str, str]:
    """The name, phone and hours of the account's own department; empty texts where unknown."""
    return _contact(context, context.department)


def _is_open(context: ReplyContext, card: DepartmentCard | None) -> bool | None:
    if card is None:
        return None
    local = clock.local(context.now)
    return card.hours.is_open(local.time(), is_workday=is_workday(local.date()))


def _heading(context: ReplyContext, occasion: StandardText) -> str:
    """What stands above a list: the text of the account's own rule for the word, else ours."""
    said = _rule_text(context.equal_rule) if context.equal_rule else ""
    return said or context.standard_text(occasion)


def _rule_text(rule: Rule) -> str:
    texts = (reply.content for reply in rule.replies if isinstance(reply, replies.Text))
    return next(texts, "")


def _list_result(context: ReplyContext, lines: Iterable[str]) -> DialogueResult:
    rule = context.equal_rule
    outcome = Outcome.RULE if rule else Outcome.INFORMATION
    return text_result(outcome, "\n".join(lines), rule.slug if rule else None)


# ---- cards ----


def card_lines(context: ReplyContext, card: DepartmentCard) -> list[str]:
    """The name of a department, and a line for everything that is known of it."""
    account = context.snapshot.directory.account_of(card)
    lines = (
        ("职责", "、".join(card.duties)),
        ("电话", card.phone),
        ("地址", card.address),
        ("办公时间", str(card.hours)),
        ("公众号", f"{account}（在微信里搜索这个名称即可关注）" if account else ""),
    )
    return [card.name, *(f"{label}：{text}" for label, text in lines if text)]


def _card_result(context: ReplyContext, card: DepartmentCard) -> DialogueResult:
    return text_result(Outcome.INFORMATION, "\n".join(card_lines(context, card)))


def fact_lines(card: DepartmentCard, asked: Iterable[Fact]) -> Iterator[str]:
    """A line for each asked fact that the card knows."""
    for fact in asked:
        text = str(getattr(card, _FACTS[fact])) if fact in _FACTS else ""
        if text:
            yield f"{facts.LABELS[fact]}：{text}"


def _fact_result(
    context: ReplyContext, card: DepartmentCard, question: FactQuestion
) -> DialogueResult | None:
    """What is known of the asked facts; of one that was named, else all that is known."""
    lines = list(fact_lines(card, question.facts))
    if not lines and not question.subject:
        return None
    if not lines:
        asked = "、".join(facts.LABELS[fact] for fact in question.facts)
        lines = [f"{asked}：还没有登记", *card_lines(context, card)[1:]]
    return text_result(Outcome.INFORMATION, "\n".join((card.name, *lines)))
