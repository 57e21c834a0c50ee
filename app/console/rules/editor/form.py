"""The form of a rule, and the way between it and a `RuleSpec`.

RuleForm ── as_dict ──> dict in the shape of files ── RuleSpec.parse ──> RuleSpec
RuleSpec ── form_from_spec ──> RuleForm

The form goes through the shape that YAML files have, so that a rule is checked in one place only.
"""

import re
from typing import Any

from flask import g
from wtforms import (
    BooleanField,
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

from app import references, snapshots
from app.console import forms
from app.console.forms import strip
from app.console.rules import labels
from app.console.rules.owner import Owner, owner_choices
from app.references import References
from app.web import auth
from config.errors import Invalid
from config.permissions import Permission
from config.validation import format_loc
from config.validation.references import list_references
from keywords.rules import replies
from keywords.rules.replies import MAX_REPLIES
from keywords.rules.spec import RuleSpec
from keywords.rules.spec_fields import MAX_KEYWORDS
from keywords.rules.values import RuleScope
from matrix import media
from matrix.media import Kind
from services import catalogue

_WORD_SEPARATORS = re.compile(r"[\s,，、;；]+")
# the place of a problem as `spec` names it: replies[2].title
_ERROR_PATH = re.compile(r"(keywords|replies|samples|with|without|hours)\[(\d+)\](?:\.(\w+))?")
# fields that are called differently in files and in the form
# a rule's id is made from its owner and not typed, so an error about it is shown at the name
_FORM_FIELDS = {"with": "required", "without": "excluded", "reply": "replies", "id": "name"}
# a select field with more is of no use, and slow
_MAX_DEFAULT_RULES = 300
# the fields of each type of reply: the name in files and the name in the form
_FIELDS_OF_TYPE: dict[str, dict[str, str]] = {
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
# the other way round: the types that a form field belongs to, separated by spaces, for rules.js
TYPES_BY_FIELD = {
    name: " ".join(kind for kind, fields in _FIELDS_OF_TYPE.items() if name in fields.values())
    for name in {name for fields in _FIELDS_OF_TYPE.values() for name in fields.values()}
}


def _media_choices(kind: Kind) -> Any:  # the types of WTForms are a version behind its callables
    """Choices of one kind from the person's library; what a rule names already stays among them."""

    def choices(form: Form, field: SelectField) -> dict[str, str]:
        # asked for by every reply row of the page, so it is read once a request
        if "library" not in g:
            g.library = media.names_for_staff(auth.member())
        names = [name for name, media_kind in g.library if media_kind is kind]
        kept_names = [field.data] if field.data and field.data not in names else []
        return {"": "请选择"} | {name: name for name in (*kept_names, *names)}

    return choices


def _guide_choices() -> dict[str, str]:
    return {"": "没有"} | {guide.slug: guide.name for guide in catalogue.list_cards()}


class KeywordRow(Form):
    """One keyword."""

    text = StringField("关键词", filters=[strip])
    mode = SelectField("怎样算命中", choices=dict(labels.MODES))


class ReplyRow(Form):
    """One reply; which fields count depends on its type."""

    type = SelectField("类型", choices=dict(labels.REPLIES))
    # only line ends are stripped: spaces at the front may be an indentation of the text
    content = TextAreaField("文字内容", filters=[lambda value: (value or "").strip("\r\n")])
    image = SelectField("图片", choices=_media_choices(Kind.IMAGE), validate_choice=False)
    voice = SelectField("语音", choices=_media_choices(Kind.VOICE), validate_choice=False)
    video = SelectField("视频", choices=_media_choices(Kind.VIDEO), validate_choice=False)
    thumb = SelectField("封面图", choices=_media_choices(Kind.THUMB), validate_choice=False)
    title = StringField("标题", filters=[strip])
    description = StringField("描述", filters=[strip])
    url = StringField("链接", filters=[strip])
    hq_url = StringField("高音质链接", filters=[strip])
    picture = StringField("封面图片网址", filters=[strip])
    agent = StringField("指定的客服账号", filters=[strip])

    @property
    def as_dict(self) -> dict[str, object]:
        """The reply in the shape of files: its type and the fields of that type that are filled."""
        fields = _FIELDS_OF_TYPE.get(self.type.data or "", {})
        values = {name: self[field_name].data or "" for name, field_name in fields.items()}
        # what was typed before the type was changed is no part of this reply
        return {"type": self.type.data} | {name: value for name, value in values.items() if value}

    @property
    def is_blank(self) -> bool:
        """Whether nobody wrote anything into it."""
        return self.type.data in (None, "text") and not (self.content.data or "").strip()


class RuleForm(forms.Form):
    """A rule. Its content is checked by `RuleSpec.parse`, not here.

    Choices that come from the database are callables, so that they are read only when the form is
    rendered and not for every preview. `base` is the lock version of the version that was opened.
    """

    name = StringField("名称", [DataRequired("请填写名称")], filters=[strip])
    owner = SelectField("归属", [InputRequired("请选择归属")])
    scope = SelectField(
        "适用范围", choices={key.value: label for key, label in labels.SCOPES.items()}
    )
    keywords = FieldList(FormField(KeywordRow), min_entries=1, max_entries=MAX_KEYWORDS)
    replies = FieldList(FormField(ReplyRow), min_entries=1, max_entries=MAX_REPLIES)
    choice = SelectField(
        "有多条回复时", choices={key.value: label for key, label in labels.CHOICES.items()}
    )
    samples = TextAreaField("例句")
    required = StringField("还须含有其中之一", filters=[strip])
    excluded = StringField("含有这些词就不答", filters=[strip])
    priority = IntegerField("优先级", [InputRequired("请填写 0 到 999 的整数")], default=50)
    weekdays = SelectMultipleField(
        "星期",
        coerce=int,
        choices={str(number): label for number, label in labels.WEEKDAYS},
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    hours = StringField("时段", filters=[strip])
    days = SelectField("哪些日子", choices={key.value: label for key, label in labels.DAYS.items()})
    valid_from = DateField("开始日期", [Optional()])
    valid_to = DateField("截止日期", [Optional()])
    review_by = DateField("复核日期", [Optional()])
    overrides = SelectField("代替上级的规则", validate_choice=False)
    service = SelectField("相关办事指南", choices=_guide_choices, validate_choice=False)
    expects_reply = BooleanField("答复里请市民接着补充（如地址）")
    base = HiddenField()

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        permission_scope = auth.member().scope(Permission.RULES_WRITE)
        self.owner.choices = dict(owner_choices(snapshots.current(), permission_scope))
        self.overrides.choices = {"": "不代替"} | _overridable_rules(self.overrides.data)

    @property
    def chosen_owner(self) -> Owner:
        """The owner that was chosen; not yet checked against the person's permissions."""
        return Owner.from_key(self.owner.data or "")

    def as_dict(self, slug: str) -> dict[str, object]:
        """The rule in the shape of files, without its owner, who is known by id beside the spec."""
        data: dict[str, object] = {
            "id": slug,
            "name": self.name.data,
            "scope": RuleScope.LOCAL.value
            if self.chosen_owner.account_id is not None
            else self.scope.data,
            "keywords": [_keyword_shape(row) for row in _filled_rows(self.keywords)],
            "replies": [row.as_dict for row in _filled_rows(self.replies)],
            "choice": self.choice.data,
            "samples": forms.split_lines(self.samples.data),
            "with": _split_words(self.required.data),
            "without": _split_words(self.excluded.data),
            "priority": self.priority.data,
            "weekdays": self.weekdays.data or [],
            "hours": _split_words(self.hours.data),
            "days": self.days.data,
            # the empty choice of a select is no value, and an empty text would be refused
            "overrides": self.overrides.data or None,
            "service": self.service.data or None,
            "expects_reply": self.expects_reply.data,
        }
        for name in ("valid_from", "valid_to", "review_by"):
            if self[name].data:
                # only what is filled in: an empty date field gives None
                data[name] = self[name].data
        return data


def spec_from_form(form: RuleForm, slug: str) -> RuleSpec | None:
    """The spec of what was typed; None when something is wrong, with the problem on the form."""
    try:
        return RuleSpec.parse(form.as_dict(slug), is_owned=form.chosen_owner != Owner())
    except Invalid as error:
        add_error(form, error)
        return None


def check_references(form: RuleForm, rule_spec: RuleSpec, before: RuleSpec | None) -> bool:
    """Whether the person may use all that the rule names; the form tells what they may not.

    What the rule named `before` stays: an editor must be able to correct a word in a rule whose
    picture another department owns.
    """
    kept = list_references(before) if before is not None else ()
    problems = list(References.for_staff(auth.member()).problems(rule_spec, kept=kept))
    for problem in problems:
        add_error(form, Invalid(field=format_loc(problem.reference.loc), problem=problem.text))
    return not problems


def add_error(form: RuleForm, error: Invalid) -> None:
    """Put a problem of the spec on the form's field that it is about, else above the form."""
    field_path = error.field.rpartition(" · ")[2]
    found = _ERROR_PATH.match(field_path)
    if found is None or found[1] not in ("keywords", "replies"):
        name = found[1] if found else field_path
        name = _FORM_FIELDS.get(name, name)
        if name not in form or name in ("keywords", "replies"):
            form.form_errors.append(error.problem)
        else:
            form[name].errors = [*form[name].errors, error.problem]
        return
    # the number counts filled rows, which is what the spec saw
    rows = [*_filled_rows(form[found[1]]), *(entry.form for entry in form[found[1]].entries)]
    row = rows[min(int(found[2]) - 1, len(rows) - 1)]
    field_name = found[3] or "text"
    if isinstance(row, ReplyRow):
        # an error about the type itself has no entry in the table
        field_name = _FIELDS_OF_TYPE[row.type.data or "text"].get(field_name, "type")
    row[field_name].errors = [*row[field_name].errors, error.problem]
    form.form_errors.append("有内容需要修改，见下面标红的地方。")


def form_from_spec(rule_spec: RuleSpec, owner: Owner, *, base: int | None = None) -> RuleForm:
    """The form filled with a spec; `base` is the lock version of the version it comes from."""
    return RuleForm(
        formdata=None,
        data={
            "name": rule_spec.name,
            "owner": owner.key,
            "scope": rule_spec.scope.value,
            "keywords": [
                {"text": keyword.text, "mode": f"{keyword.kind}.{keyword.mode}"}
                for keyword in rule_spec.keywords
            ],
            "replies": [_reply_data(replies.dump(reply)) for reply in rule_spec.replies],
            "choice": rule_spec.choice.value,
            "samples": "\n".join(rule_spec.samples),
            "required": " ".join(rule_spec.required),
            "excluded": " ".join(rule_spec.excluded),
            "priority": rule_spec.priority,
            "weekdays": list(rule_spec.weekdays),
            # any of the separators that `_split_words` knows reads it back
            "hours": "，".join(map(str, rule_spec.hours)),
            "days": rule_spec.days.value,
            "valid_from": rule_spec.valid_from,
            "valid_to": rule_spec.valid_to,
            "review_by": rule_spec.review_by,
            "overrides": rule_spec.overrides,
            "service": rule_spec.service,
            "expects_reply": rule_spec.expects_reply,
            "base": "" if base is None else str(base),
        },
    )


def _reply_data(data: dict[str, str]) -> dict[str, str]:
    fields = _FIELDS_OF_TYPE[data["type"]]
    return {"type": data["type"]} | {
        field_name: data.get(name, "") for name, field_name in fields.items()
    }


def _filled_rows(rows: Any) -> list[Any]:
    """The rows of keywords or replies that are not blank, in order."""
    listed = [entry.form for entry in rows.entries]
    return [
        row
        for row in listed
        if (not row.is_blank if isinstance(row, ReplyRow) else bool(row.text.data))
    ]


def _keyword_shape(row: KeywordRow) -> dict[str, str]:
    kind, _, mode = (row.mode.data or labels.MODES[0][0]).partition(".")
    return {"text": row.text.data or "", "mode": mode, "kind": kind}


def _split_words(text: str | None) -> list[str]:
    return [part for part in _WORD_SEPARATORS.split(text or "") if part]


def _overridable_rules(chosen: str | None) -> dict[str, str]:
    """Default rules that reach the person's departments, by slug; the chosen one among them."""
    snapshot, within = snapshots.current(), references.departments_above(auth.member())
    found = {
        rule.slug: f"{rule.name}（{Owner(rule.department_id).name(snapshot)}）"
        for rule in snapshot.ruleset.all_rules_matcher.rules
        if rule.scope is RuleScope.DEFAULT
        and (rule.department_id is None or rule.department_id in within)
    }
    listed = dict(list(found.items())[:_MAX_DEFAULT_RULES])
    # the rule that was chosen may be beyond the limit or deleted; without it the form would
    # silently drop it
    if chosen and chosen not in listed:
        listed[chosen] = found.get(chosen, chosen)
    return listed
