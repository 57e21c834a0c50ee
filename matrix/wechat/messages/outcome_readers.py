"""Fields of events about finished sending and the account (reference of each call)."""

import re
from collections.abc import Callable

from matrix.wechat.messages import outcomes
from matrix.wechat.messages.event_readers import EventReader
from matrix.wechat.messages.kinds import Inbound
from matrix.wechat.messages.reading import (
    Common,
    Tree,
    branch,
    branches,
    identifier,
    integer,
    maybe,
    maybe_integer,
    moment,
    text,
)


def _template_finished(tree: Tree, common: Common) -> Inbound:
    status = text(tree, "Status")
    word = re.sub(r"[\s_]", "", status).lower()
    if word == "success":
        delivery = outcomes.Delivery.ARRIVED
    elif word.startswith("failed:userblock"):
        delivery = outcomes.Delivery.BLOCKED
    else:
        delivery = outcomes.Delivery.FAILED
    return outcomes.TemplateFinished(
        job_id=identifier(tree, "MsgID"), delivery=delivery, status=status, **common
    )


def _mass_result(status: str) -> tuple[outcomes.MassResult, int | None]:
    word = re.sub(r"[\s_]", "", status).lower()
    refusal = re.fullmatch(r"err\((\d{1,9})\)", word, re.ASCII)
    if refusal:
        return outcomes.MassResult.REFUSED, int(refusal[1])
    if word == "sendsuccess":
        return outcomes.MassResult.SENT, None
    return outcomes.MassResult.FAILED, None


def _flag(tree: Tree, name: str) -> bool:
    return maybe(tree, name) == "1"


def _checks(tree: Tree) -> tuple[outcomes.ArticleCheck, ...]:
    return tuple(
        outcomes.ArticleCheck(
            position=integer(item, "ArticleIdx"),
            declared=maybe_integer(item, "UserDeclareState") or 0,
            audit=maybe_integer(item, "AuditState") or 0,
            original_url=maybe(item, "OriginalArticleUrl") or "",
            original_kind=maybe_integer(item, "OriginalArticleType") or 0,
            may_reprint=_flag(item, "CanReprint"),
            content_replaced=_flag(item, "NeedReplaceContent"),
            source_shown=_flag(item, "NeedShowReprintSource"),
        )
        for item in branches(branch(tree, "ResultList"), "item")
    )


def _mass_send_finished(tree: Tree, common: Common) -> Inbound:
    status = text(tree, "Status")
    result, refusal = _mass_result(status)
    copyright_check = branch(tree, "CopyrightCheckResult")
    urls = branches(branch(branch(tree, "ArticleUrlResult"), "ResultList"), "item")
    return outcomes.MassSendFinished(
        job_id=identifier(tree, "MsgID"),
        result=result,
        status=status,
        refusal=refusal,
        total=maybe_integer(tree, "TotalCount") or 0,
        filtered=maybe_integer(tree, "FilterCount") or 0,
        sent=maybe_integer(tree, "SentCount") or 0,
        failed=maybe_integer(tree, "ErrorCount") or 0,
        check_state=maybe_integer(copyright_check, "CheckState"),
        checks=_checks(copyright_check),
        links=_links(urls, "ArticleIdx", "ArticleUrl"),
        **common,
    )


def _links(items: list[Tree], position: str, url: str) -> tuple[outcomes.ArticleLink, ...]:
    return tuple(
        outcomes.ArticleLink(position=integer(item, position), url=text(item, url))
        for item in items
    )


def _publish_finished(tree: Tree, common: Common) -> Inbound:
    told = branch(tree, "PublishEventInfo")
    code = integer(told, "publish_status")
    known = code in outcomes.PublishState._value2member_map_
    failed = told.get("fail_idx", [])
    return outcomes.PublishFinished(
        job_id=identifier(told, "publish_id"),
        code=code,
        state=outcomes.PublishState(code) if known else None,
        article_id=maybe(told, "article_id"),
        links=_links(branches(branch(told, "article_detail"), "item"), "idx", "article_url"),
        failed=tuple(
            integer({"fail_idx": one}, "fail_idx")
            for one in (failed if isinstance(failed, list) else [failed])
            if one
        ),
        **common,
    )


def _until(make: Callable[..., Inbound]) -> EventReader:
    return lambda tree, common: make(expires_at=moment(tree, "ExpiredTime"), **common)


def _refused(make: Callable[..., Inbound]) -> EventReader:
    return lambda tree, common: make(
        failed_at=moment(tree, "FailTime"), reason=maybe(tree, "FailReason") or "", **common
    )


OUTCOMES: dict[str, EventReader] = {
    "templatesendjobfinish": _template_finished,
    "masssendjobfinish": _mass_send_finished,
    "publishjobfinish": _publish_finished,
    "qualification_verify_success": _until(outcomes.Qualified),
    "qualification_verify_fail": _refused(outcomes.QualificationRefused),
    "naming_verify_success": _until(outcomes.Named),
    "naming_verify_fail": _refused(outcomes.NamingRefused),
    "annual_renew": _until(outcomes.RenewalDue),
    "verify_expired": _until(outcomes.VerificationExpired),
}
