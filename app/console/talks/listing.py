"""The list of talks, which refreshes itself while it is open, and a search in their messages."""

from datetime import timedelta
from typing import Any

from flask import render_template, request, url_for
from wtforms import DateField, SearchField, SelectField
from wtforms.validators import Length, Optional, StopValidation

from app.auth import member, needs
from app.console import forms
from app.console.talks import words
from app.console.talks.group import blueprint
from config import clock
from config.masking import mask
from config.tenancy import Right
from matrix import talks
from matrix.inbox import Outcome
from matrix.talks import Filters

TABS = {"waiting": "待回复", "alarmed": "有提醒", "all": "全部"}
_SEARCHED_DAYS = 30
_FILTERED = (Outcome.RULE, Outcome.SUGGESTION, Outcome.FALLBACK, Outcome.EMERGENCY)


class FilterForm(forms.Form):
    """What of the talks is wanted; comes with the address."""

    class Meta(forms.Form.Meta):
        """Reading needs no token."""

        csrf = False

    account = SelectField("公众号", coerce=int, default=0)
    outcome = SelectField(
        "系统处理",
        choices={"": "全部"} | {each.value: words.OUTCOMES[each] for each in _FILTERED},
        default="",
    )
    first_day = DateField("从", [Optional()])
    last_day = DateField("到", [Optional()])
    words = SearchField("搜索消息", [Length(max=50, message="最多 50 个字")])

    def __init__(self) -> None:
        super().__init__(request.args)
        own = {str(key): name for key, name in talks.accounts_of(member()).items()}
        self.account.choices = {"0": "全部公众号", **own}

    def validate_words(self, field: SearchField) -> None:
        """Raises StopValidation for a number of a person: it is covered, nothing would be found."""
        words = field.data or ""
        if mask(words) != words:
            raise StopValidation("号码都已遮盖，不能按完整的手机号或证件号查找")

    @property
    def tab(self) -> str:
        """Which of the tabs is open; a search and a filter look at all."""
        wished = request.args.get("tab", "")
        return wished if wished in TABS else "waiting"

    def filters(self) -> Filters:
        """The filters, where what was typed can be understood."""
        if not self.validate():
            return Filters()
        return Filters(
            account_id=self.account.data or None,
            waiting=self.tab == "waiting",
            alarmed=self.tab == "alarmed",
            outcome=Outcome(self.outcome.data) if self.outcome.data else None,
            first_day=self.first_day.data,
            last_day=self.last_day.data,
        )

    def chosen(self, **more: Any) -> dict[str, Any]:
        """What was chosen, as parameters of an address."""
        given = {name: request.args[name] for name in self._fields if request.args.get(name)}
        return {"tab": self.tab, **given, **more}


@blueprint.get("/")
@needs(Right.TALKS_READ)
def index() -> str | tuple[str, int]:
    """The talks of my accounts, or the messages that a search found."""
    form = FilterForm()
    filters = form.filters()
    if form.errors:
        return render_template("console/talks/index.html", form=form, tabs=TABS), 422
    if forms.trimmed(form.words.data):
        return _search(form, filters)
    return render_template(
        "console/talks/index.html", form=form, tabs=TABS, **_listed(form, filters)
    )


@blueprint.get("/list")
@needs(Right.TALKS_READ)
def newer() -> str | tuple[str, int]:
    """The first page of the list, if it looks another way than the reader's."""
    form = FilterForm()
    shown = _listed(form, form.filters())
    if shown["mark"] == request.args.get("mark"):
        return "", 204
    return render_template("console/talks/_list.html", form=form, **shown)


def _listed(form: FilterForm, filters: Filters) -> dict[str, Any]:
    before = request.args.get("before", type=int)
    now = clock.now()
    page = talks.talks_for_staff(member(), filters, now=now, before=before)
    mark = talks.mark_of(page)
    return {
        "page": page,
        "mark": mark,
        "now": now,
        "words": words,
        "poll": None if before else url_for("talks.newer", **form.chosen(mark=mark)),
        "first": url_for("talks.index", **form.chosen()) if before else None,
        "next": url_for("talks.index", **form.chosen(before=page.before)) if page.before else None,
    }


def _search(form: FilterForm, filters: Filters) -> str:
    today = clock.local_day(clock.now())
    first = filters.first_day or today - timedelta(days=_SEARCHED_DAYS)
    wanted = Filters(account_id=filters.account_id, first_day=first, last_day=filters.last_day)
    found = talks.find(
        member(), form.words.data or "", wanted, before=request.args.get("before", type=int)
    )
    more = url_for("talks.index", **form.chosen(before=found.before)) if found.before else None
    return render_template(
        "console/talks/found.html", form=form, tabs=TABS, found=found, first_day=first, more=more
    )
