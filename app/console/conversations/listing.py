"""The list of conversations, which refreshes itself while it is open, and a search in messages."""

from datetime import timedelta
from typing import Any

from flask import render_template, request, url_for
from wtforms import DateField, SearchField, SelectField
from wtforms.validators import Length, Optional, StopValidation

from app.console import forms
from app.console.conversations import labels
from app.console.conversations.blueprint import blueprint
from app.console.responses import ViewResult
from app.web.auth import member, requires
from config import clock
from config.permissions import Permission
from config.security.masking import mask_pii
from matrix import conversations
from matrix.conversations import ConversationFilter
from matrix.inbox import Outcome

TABS = {"waiting": "待回复", "alarmed": "有提醒", "all": "全部"}
# A search has no index (docs/decisions/0050) and reads newest first. Without a limit the common
# search for something recent would go on through years.
_SEARCH_DAYS = 30
_FILTER_OUTCOMES = (
    Outcome.RULE,
    Outcome.INFORMATION,
    Outcome.SUGGESTION,
    Outcome.FALLBACK,
    Outcome.FOR_STAFF,
    Outcome.EMERGENCY,
)


class FilterForm(forms.Form):
    """The filters of the list and the words of a search; they come with the query."""

    class Meta(forms.Form.Meta):
        """A filter changes nothing, so it needs no CSRF token."""

        csrf = False

    account = SelectField("公众号", coerce=int, default=0)
    outcome = SelectField(
        "系统处理",
        choices={"": "全部"} | {each.value: labels.OUTCOMES[each] for each in _FILTER_OUTCOMES},
        default="",
    )
    first_day = DateField("从", [Optional()])
    last_day = DateField("到", [Optional()])
    words = SearchField("搜索消息", [Length(max=50, message="最多 50 个字")])

    def __init__(self) -> None:
        # from the query and not from a form, so that a filtered list
        # can be bookmarked and reloaded
        super().__init__(request.args)
        account_names = {
            str(key): name for key, name in conversations.accounts_for_staff(member()).items()
        }
        self.account.choices = {"0": "全部公众号", **account_names}

    def validate_words(self, field: SearchField) -> None:
        """Raises StopValidation for a phone or ID number.

        They are masked in what is searched, so nothing would be found.
        """
        words = field.data or ""
        # searching full numbers would let staff find out masked ones by trying
        if mask_pii(words) != words:
            raise StopValidation("号码都已遮盖，不能按完整的手机号或证件号查找")

    @property
    def tab(self) -> str:
        """The key of the open tab; the first for an unknown one."""
        requested_tab = request.args.get("tab", "")
        return requested_tab if requested_tab in TABS else "waiting"

    def filters(self) -> ConversationFilter:
        """The form as filters; none when a field is malformed, which the form then says."""
        if not self.validate():
            return ConversationFilter()
        return ConversationFilter(
            account_id=self.account.data or None,
            waiting=self.tab == "waiting",
            alerted=self.tab == "alarmed",
            outcome=Outcome(self.outcome.data) if self.outcome.data else None,
            first_day=self.first_day.data,
            last_day=self.last_day.data,
        )

    def query_params(self, **extra: Any) -> dict[str, Any]:
        """The tab and the filled fields as keyword arguments of url_for; `extra` replaces some.

        url_for leaves out an argument that is None.
        """
        args = {name: request.args[name] for name in self._fields if request.args.get(name)}
        return {"tab": self.tab, **args, **extra}


@blueprint.get("/")
@requires(Permission.CONVERSATIONS_READ)
def index() -> ViewResult:
    """The conversations of the person's accounts, or the messages that a search found."""
    form = FilterForm()
    filters = form.filters()
    if form.errors:
        return render_template(
            "console/conversations/index.html", form=form, tabs=TABS, searching=False
        ), 422
    if forms.strip(form.words.data):
        return _render_search(form, filters)
    return render_template(
        "console/conversations/index.html",
        form=form,
        tabs=TABS,
        searching=False,
        **_list_context(form, filters),
    )


@blueprint.get("/list")
@requires(Permission.CONVERSATIONS_READ)
def poll_list() -> ViewResult:
    """The first page of the list; 204 when it is what the reader's etag tells."""
    form = FilterForm()
    context = _list_context(form, form.filters())
    if context["etag"] == request.args.get("etag"):
        return "", 204
    return render_template("console/conversations/_list.html", form=form, **context)


def _list_context(form: FilterForm, filters: ConversationFilter) -> dict[str, object]:
    """The template variables of `_list.html`. Only the first page polls: later ones stand still."""
    before = request.args.get("before", type=int)
    now = clock.now()
    page = conversations.list_for_staff(member(), filters, now=now, before=before)
    etag = conversations.etag(page)
    return {
        "page": page,
        "etag": etag,
        "now": now,
        "labels": labels,
        # new messages move rows from page to page, so a later page that refreshed would jump
        "poll_url": None
        if before
        else url_for("conversations.poll_list", **form.query_params(etag=etag)),
        "first_page_url": url_for("conversations.index", **form.query_params()) if before else None,
        "next_page_url": url_for("conversations.index", **form.query_params(before=page.before))
        if page.before
        else None,
    }


def _render_search(form: FilterForm, filters: ConversationFilter) -> str:
    """The messages with the words; without a first day those of the last _SEARCH_DAYS days.

    A search reads a limited number of messages at a time, so a page may be empty and `more_url`
    still lead to further ones.
    """
    today = clock.local_day(clock.now())
    first = filters.first_day or today - timedelta(days=_SEARCH_DAYS)
    search_filters = ConversationFilter(
        account_id=filters.account_id, first_day=first, last_day=filters.last_day
    )
    results = conversations.search(
        member(), form.words.data or "", search_filters, before=request.args.get("before", type=int)
    )
    more_url = (
        url_for("conversations.index", **form.query_params(before=results.before))
        if results.before
        else None
    )
    return render_template(
        "console/conversations/search_results.html",
        form=form,
        tabs=TABS,
        searching=True,
        results=results,
        first_day=first,
        more_url=more_url,
    )
