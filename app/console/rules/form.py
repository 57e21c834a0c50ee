"""The form of a rule: what an editor fills in, and back again.

RuleForm ── read ──> RuleDraft          by the plain shape that files have, and its checks
RuleDraft ── filled ──> RuleForm
"""

import re
from typing import Any

from flask import g
from wtforms import (
    DateField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app import auth, live
from app.console import forms
from app.console.forms import trimmed
from app.console.rules import words
from app.console.rules.words import Owner
from config.errors import Invalid
from config.tenancy import Right
from keywords import drafts, replies, schedule
from keywords.drafts import MOST_KEYWORDS, RuleDraft
from keywords.replies import MOST_REPLIES
from keywords.rules import Scope
from matrix import media
from matrix.media import Kind
from services import catalogue

_PARTS = re.compile(r"[\s,，、;；]+")
_PLACE = re.compile(r"(keywords|replies|samples|with|without|hours)\[(\d+)\](?:\.(\w+))?")
_FIELDS = {"with": "required", "without": "excluded", "reply": "replies", "id": "name"}
_MOST_DEFAULTS = 300
_MOST_FILES = 1000
# the fields of each type of reply, by the form's names
_OF_TYPE: dict[str, dict[str, str]] = {
    "text": {"content": "content"},
    "image": {"media": "image"},
    "voice": {"media": "voice"},
    "video": {"media": "video", "title": "title", "description": "description"},
    "music": {
        "thumb": "thumb",
        "title": "title",
        "description": "description",
        "url": "url",
        "hq_url": "hq_url",
    },
    "news": {"title": "title", "url": "url", "description": "description", "picture": "picture"},
    "transfer": {"agent": "agent"},
}
TYPES_OF = {
    name: " ".join(kind for kind, fields in _OF_TYPE.items() if name in fields.values())
    for name in {name for fields in _OF_TYPE.values() for name in fields.values()}
}


def _media(kind: Kind) -> Any:  # the types of WTForms are a version behind its callables
    """Choices of one kind from the member's library; what a rule names already stays among them."""

    def choices(form: Form, field: SelectField) -> dict[str, str]:
        if "library" not in g:
            g.library = media.files_for_staff(auth.member(), limit=_MOST_FILES)
        names = [one.file.name for one in g.library if one.file.kind is kind]
        kept = [field.data] if field.data and field.data not in names else []
        return {"": "请选择"} | {name: name for name in (*kept, *names)}

    return choices


def _guides() -> dict[str, str]:
    return {"": "没有"} | {one.code: one.name for one in catalogue.cards()}


class KeywordRow(Form):
    """One keyword."""

    text = StringField("关键词", filters=[trimmed])
    mode = SelectField("怎样算命中", choices=dict(words.MODES))


class ReplyRow(Form):
    """One reply; which fields count depends on its type."""

    type = SelectField("类型", choices=dict(words.REPLIES))
    content = TextAreaField("文字内容", filters=[lambda value: (value or "").strip("\r\n")])
    image = SelectField("图片", choices=_media(Kind.IMAGE), validate_choice=False)
    voice = SelectField("语音", choices=_media(Kind.VOICE), validate_choice=False)
    video = SelectField("视频", choices=_media(Kind.VIDEO), validate_choice=False)
    thumb = SelectField("封面图", choices=_media(Kind.THUMB), validate_choice=False)
    title = StringField("标题", filters=[trimmed])
    description = StringField("描述", filters=[trimmed])
    url = StringField("链接", filters=[trimmed])
    hq_url = StringField("高音质链接", filters=[trimmed])
    picture = StringField("封面图片网址", filters=[trimmed])
    agent = StringField("指定的客服账号", filters=[trimmed])

    @property
    def shape(self) -> dict[str, Any]:
        """The reply in the shape of files."""
        fields = _OF_TYPE.get(self.type.data or "", {})
        values = {name: self[own].data or "" for name, own in fields.items()}
        return {"type": self.type.data} | {name: value for name, value in values.items() if value}

    @property
    def is_blank(self) -> bool:
        """Whether nobody wrote anything into it."""
        return self.type.data in (None, "text") and not (self.content.data or "").strip()


class RuleForm(forms.Form):
    """A rule; the checks of its content are those of `drafts`.

    Choices that stand in the database are asked for only when they are shown.
    """

    name = StringField("名称", [DataRequired("请填写名称")], filters=[trimmed])
    owner = SelectField("归属", [InputRequired("请选择归属")])
    scope = SelectField("适用范围", choices={key.value: said for key, said in words.SCOPES.items()})
    keywords = FieldList(FormField(KeywordRow), min_entries=1, max_entries=MOST_KEYWORDS)
    replies = FieldList(FormField(ReplyRow), min_entries=1, max_entries=MOST_REPLIES)
    choice = SelectField(
        "有多条回复时", choices={key.value: said for key, said in words.CHOICES.items()}
    )
    samples = TextAreaField("例句")
    required = StringField("还须含有其中之一", filters=[trimmed])
    excluded = StringField("含有这些词就不答", filters=[trimmed])
    priority = IntegerField("优先级", [InputRequired("请填写 0 到 999 的整数")], default=50)
    weekdays = SelectMultipleField(
        "星期",
        coerce=int,
        choices={str(number): said for number, said in words.WEEKDAYS},
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    hours = StringField("时段", filters=[trimmed])
    days = SelectField("哪些日子", choices={key.value: said for key, said in words.DAYS.items()})
    valid_from = DateField("开始日期", [Optional()])
    valid_to = DateField("截止日期", [Optional()])
    review_by = DateField("复核日期", [Optional()])
    overrides = SelectField("代替上级的规则", validate_choice=False)
    service = SelectField("相关办事指南", choices=_guides, validate_choice=False)
    base = HiddenField()

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        picture, area = live.current(), auth.member().area(Right.RULES_WRITE)
        self.owner.choices = dict(words.owners(picture, area))
        self.overrides.choices = {"": "不代替"} | _defaults(self.overrides.data)

    @property
    def whose(self) -> Owner:
        """The owner that was chosen."""
        return Owner.of(self.owner.data or "")

    def shape(self, code: str) -> dict[str, Any]:
        """The rule in the shape of files, with an owner that is checked elsewhere."""
        whose = self.whose
        shape: dict[str, Any] = {
            "id": code,
            "name": self.name.data,
            "scope": Scope.LOCAL.value if whose.account_id is not None else self.scope.data,
            "keywords": [_keyword(row) for row in _said(self.keywords)],
            "replies": [row.shape for row in _said(self.replies)],
            "choice": self.choice.data,
            "samples": _lines(self.samples.data),
            "with": _parts(self.required.data),
            "without": _parts(self.excluded.data),
            "priority": self.priority.data,
            "weekdays": self.weekdays.data or [],
            "hours": _parts(self.hours.data),
            "days": self.days.data,
            "overrides": self.overrides.data or None,
            "service": self.service.data or None,
        }
        for name in ("valid_from", "valid_to", "review_by"):
            if self[name].data:
                shape[name] = self[name].data
        if whose != Owner():
            shape["department"] = "-"
        return shape


def read(form: RuleForm, code: str) -> RuleDraft | None:
    """The draft of what was typed; None when something is wrong, which the form then says."""
    shape = form.shape(code)
    try:
        checked = drafts.parse_rule(shape)
    except Invalid as error:
        blame(form, error)
        return None
    return drafts.restore(drafts.keep(checked))


def has_own_media(form: RuleForm, draft: RuleDraft, known: frozenset[str]) -> bool:
    """Whether all files are the member's to use or `known` from before; the form says which not."""
    named = replies.media_names(draft.replies) - known
    if not named:
        return True
    usable = {one.file.name for one in media.files_for_staff(auth.member(), limit=_MOST_FILES)}
    for row in _said(form.replies):
        for name in ("image", "voice", "video", "thumb"):
            if row[name].data in named - usable and row[name].data in row.shape.values():
                row[name].errors = [*row[name].errors, "素材库里没有这个文件，请重新选择。"]
    return named <= usable


def blame(form: RuleForm, error: Invalid) -> None:
    """Say what was refused at the field that it is about."""
    place = error.field.rpartition(" · ")[2]
    found = _PLACE.match(place)
    if found is None or found[1] not in ("keywords", "replies"):
        name = found[1] if found else place
        name = _FIELDS.get(name, name)
        if name not in form or name in ("keywords", "replies"):
            form.form_errors.append(error.problem)
        else:
            form[name].errors = [*form[name].errors, error.problem]
        return
    rows = [*_said(form[found[1]]), *(entry.form for entry in form[found[1]].entries)]
    row = rows[min(int(found[2]) - 1, len(rows) - 1)]
    own = found[3] or "text"
    if isinstance(row, ReplyRow):
        own = _OF_TYPE[row.type.data or "text"].get(own, "type")
    row[own].errors = [*row[own].errors, error.problem]
    form.form_errors.append("有内容需要修改，见下面标红的地方。")


def filled(draft: RuleDraft, owner: Owner, *, base: int | None = None) -> RuleForm:
    """The form as it shows a draft."""
    waking = draft.schedule
    return RuleForm(
        formdata=None,
        data={
            "name": draft.name,
            "owner": owner.key,
            "scope": draft.scope.value,
            "keywords": [
                {"text": each.text, "mode": f"{each.kind}.{each.mode}"} for each in draft.keywords
            ],
            "replies": [_row(replies.dump(reply)) for reply in draft.replies],
            "choice": draft.choice.value,
            "samples": "\n".join(draft.samples),
            "required": " ".join(draft.required),
            "excluded": " ".join(draft.excluded),
            "priority": draft.priority,
            "weekdays": sorted(waking.weekdays),
            "hours": "，".join(schedule.dump(waking).get("hours", [])),
            "days": waking.days.value,
            "valid_from": waking.valid_from,
            "valid_to": waking.valid_to,
            "review_by": draft.review_by,
            "overrides": draft.overrides,
            "service": draft.service,
            "base": "" if base is None else str(base),
        },
    )


def _row(shape: dict[str, Any]) -> dict[str, Any]:
    fields = _OF_TYPE[shape["type"]]
    return {"type": shape["type"]} | {own: shape.get(name, "") for name, own in fields.items()}


def _said(rows: Any) -> list[Any]:
    """The rows somebody wrote into, in order."""
    listed = [entry.form for entry in rows.entries]
    return [
        row
        for row in listed
        if (not row.is_blank if isinstance(row, ReplyRow) else bool(row.text.data))
    ]


def _keyword(row: KeywordRow) -> dict[str, str]:
    kind, _, mode = (row.mode.data or words.MODES[0][0]).partition(".")
    return {"text": row.text.data or "", "mode": mode, "kind": kind}


def _parts(text: str | None) -> list[str]:
    return [part for part in _PARTS.split(text or "") if part]


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _defaults(chosen: str | None) -> dict[str, str]:
    """Rules from above that may be replaced, the one that was chosen among them."""
    picture = live.current()
    found = {
        rule.code: f"{rule.name}（{Owner(rule.department_id).name(picture)}）"
        for rule in picture.book.city.rules
        if rule.scope is Scope.DEFAULT
    }
    listed = dict(list(found.items())[:_MOST_DEFAULTS])
    if chosen and chosen not in listed:
        listed[chosen] = found.get(chosen, chosen)
    return listed
