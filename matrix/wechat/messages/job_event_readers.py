"""Readers of events about finished sending jobs and the account (wechat-platform.md 2.4, 2.5)."""

import re
from collections.abc import Callable

from matrix.wechat.messages import job_events
from matrix.wechat.messages.event_readers import EventReader
from matrix.wechat.messages.inbound import Inbound
from matrix.wechat.messages.xml import (
    CommonFields,
    XmlTree,
    child,
    children,
    identifier,
    integer,
    optional,
    optional_integer,
    text,
    timestamp,
)


def _template_finished(tree: XmlTree, common: CommonFields) -> Inbound:
    status = text(tree, "Status")
    # by prefix and without spaces: documents and pushes spell the
    # failures differently (wechat-platform.md 2.3)
    normalized = re.sub(r"[\s_]", "", status).lower()
    if normalized == "success":
        delivery = job_events.TemplateDelivery.DELIVERED
    elif normalized.startswith("failed:userblock"):
        delivery = job_events.TemplateDelivery.BLOCKED
    else:
        delivery = job_events.TemplateDelivery.FAILED
    return job_events.TemplateFinished(
        job_id=identifier(tree, "MsgID"), delivery=delivery, status=status, **common
    )


def _mass_result(status: str) -> tuple[job_events.MassSendResult, int | None]:
    normalized = re.sub(r"[\s_]", "", status).lower()
    # pushes differ from the documents in spaces, underscores and case, hence the normalised text
    refusal = re.fullmatch(r"err\((\d{1,9})\)", normalized, re.ASCII)
    if refusal:
        return job_events.MassSendResult.REFUSED, int(refusal[1])
    if normalized == "sendsuccess":
        return job_events.MassSendResult.SENT, None
    return job_events.MassSendResult.FAILED, None


def _flag(tree: XmlTree, name: str) -> bool:
    return optional(tree, name) == "1"


def _checks(tree: XmlTree) -> tuple[job_events.OriginalityCheck, ...]:
    return tuple(
        job_events.OriginalityCheck(
            position=integer(item, "ArticleIdx"),
            declared=optional_integer(item, "UserDeclareState") or 0,
            audit=optional_integer(item, "AuditState") or 0,
            original_url=optional(item, "OriginalArticleUrl") or "",
            original_kind=optional_integer(item, "OriginalArticleType") or 0,
            may_reprint=_flag(item, "CanReprint"),
            content_replaced=_flag(item, "NeedReplaceContent"),
            source_shown=_flag(item, "NeedShowReprintSource"),
        )
        for item in children(child(tree, "ResultList"), "item")
    )


def _mass_send_finished(tree: XmlTree, common: CommonFields) -> Inbound:
    status = text(tree, "Status")
    result, refusal = _mass_result(status)
    copyright_check = child(tree, "CopyrightCheckResult")
    urls = children(child(child(tree, "ArticleUrlResult"), "ResultList"), "item")
    return job_events.MassSendFinished(
        job_id=identifier(tree, "MsgID"),
        result=result,
        status=status,
        refusal=refusal,
        total=optional_integer(tree, "TotalCount") or 0,
        filtered=optional_integer(tree, "FilterCount") or 0,
        sent=optional_integer(tree, "SentCount") or 0,
        failed=optional_integer(tree, "ErrorCount") or 0,
        check_state=optional_integer(copyright_check, "CheckState"),
        checks=_checks(copyright_check),
        links=_links(urls, "ArticleIdx", "ArticleUrl"),
        **common,
    )


def _links(items: list[XmlTree], position: str, url: str) -> tuple[job_events.ArticleLink, ...]:
    return tuple(
        job_events.ArticleLink(position=integer(item, position), url=text(item, url))
        for item in items
    )


def _publish_finished(tree: XmlTree, common: CommonFields) -> Inbound:
    info = child(tree, "PublishEventInfo")
    code = integer(info, "publish_status")
    # a new number must not make the push unreadable: WeChat would send it again and again
    known = code in job_events.PublishState._value2member_map_
    # repeated elements come as a list, a single one as a text
    failed = info.get("fail_idx", [])
    return job_events.PublishFinished(
        job_id=identifier(info, "publish_id"),
        status_code=code,
        state=job_events.PublishState(code) if known else None,
        article_id=optional(info, "article_id"),
        links=_links(children(child(info, "article_detail"), "item"), "idx", "article_url"),
        failed_positions=tuple(
            integer({"fail_idx": position}, "fail_idx")
            for position in (failed if isinstance(failed, list) else [failed])
            if position
        ),
        **common,
    )


def _expiry_reader(event_class: Callable[..., Inbound]) -> EventReader:
    return lambda tree, common: event_class(expires_at=timestamp(tree, "ExpiredTime"), **common)


def _failure_reader(event_class: Callable[..., Inbound]) -> EventReader:
    return lambda tree, common: event_class(
        failed_at=timestamp(tree, "FailTime"), reason=optional(tree, "FailReason") or "", **common
    )


JOB_EVENTS: dict[str, EventReader] = {
    "templatesendjobfinish": _template_finished,
    "masssendjobfinish": _mass_send_finished,
    "publishjobfinish": _publish_finished,
    "qualification_verify_success": _expiry_reader(job_events.QualificationVerified),
    "qualification_verify_fail": _failure_reader(job_events.QualificationFailed),
    "naming_verify_success": _expiry_reader(job_events.NameVerified),
    "naming_verify_fail": _failure_reader(job_events.NameVerificationFailed),
    "annual_renew": _expiry_reader(job_events.RenewalDue),
    "verify_expired": _expiry_reader(job_events.VerificationExpired),
}
