"""Calls for template messages, subscription notices and their templates."""

from __future__ import annotations

from simulator.accounts.accounts import Capability
from simulator.accounts.followers import Follower
from simulator.api.call import OK, ApiResult, Call, Route
from simulator.core.errors import ApiError
from simulator.messaging import pushes
from simulator.messaging.template_messages import ONE_TIME, Template, validate_data


def send_template(call: Call) -> ApiResult:
    """Send a template message; the result is pushed as TEMPLATESENDJOBFINISH."""
    platform, body = call.platform, call.body
    follower = platform.followers.get_by_openid(call.appid, body.get("touser"))
    template = platform.templates.get(call.appid, body.get("template_id"), notice=False)
    if not follower.subscribed:
        raise ApiError(43004, "require subscribe")
    client_id = str(body.get("client_msg_id") or "")
    # a client may repeat a call after a time-out: the same client_msg_id gives the same msgid and
    # no second message
    earlier = (
        platform.templates.find_sent(call.appid, follower.openid, client_id) if client_id else None
    )
    if earlier is not None:
        return {**OK, "msgid": earlier}
    data = validate_data(template, body.get("data"))
    msgid = platform.templates.new_msgid(call.appid, follower.openid, client_id)
    # the call succeeds even if the follower refuses messages; only the event tells
    if not follower.refuses:
        _add_bubble(call, follower, template, "template", data)
    _push_event(
        call,
        follower,
        "TEMPLATESENDJOBFINISH",
        MsgID=msgid,
        Status="failed:user block" if follower.refuses else "success",
    )
    return {**OK, "msgid": msgid}


def send_notice(call: Call) -> ApiResult:
    """Send a subscription notice; 43101 without the consent of the citizen."""
    platform, body = call.platform, call.body
    follower = platform.followers.get_by_openid(call.appid, body.get("touser"))
    template = platform.templates.get(call.appid, body.get("template_id"), notice=True)
    data = validate_data(template, body.get("data"))
    # following is not needed for notices: only consent counts
    left = follower.consents.get(template.id, 0)
    if left <= 0:
        raise ApiError(43101, "user refuse to accept the msg")
    # long-term templates (public services) need one consent for all sends
    if template.kind == ONE_TIME:
        follower.consents[template.id] = left - 1
        platform.followers.save(follower)
    _add_bubble(call, follower, template, "notice", data)
    row = {
        "TemplateId": template.id,
        "MsgID": str(pushes.message_ids.next()),
        "ErrorCode": 0,
        "ErrorStatus": "success",
    }
    _push_event(call, follower, "subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": row})
    return OK


def list_templates(call: Call) -> ApiResult:
    """The templates for template messages."""
    return {
        "template_list": [
            {
                "template_id": one.id,
                "title": one.title,
                "primary_industry": "政府与公共事业",
                "deputy_industry": "行政",
                "content": one.content,
                "example": "",
            }
            for one in call.platform.templates.list_of(call.appid, notices=False)
        ]
    }


def list_notices(call: Call) -> ApiResult:
    """The templates for subscription notices."""
    return {
        **OK,
        "data": [
            {
                "priTmplId": one.id,
                "title": one.title,
                "content": one.content.replace("：", ":"),
                "example": "",
                "type": one.kind,
            }
            for one in call.platform.templates.list_of(call.appid, notices=True)
        ],
    }


def delete_template(call: Call) -> ApiResult:
    """Delete a template of template messages."""
    call.platform.templates.delete(call.appid, call.body.get("template_id"), notice=False)
    return OK


def delete_notice(call: Call) -> ApiResult:
    """Delete a template of subscription notices."""
    call.platform.templates.delete(call.appid, call.body.get("priTmplId"), notice=True)
    return OK


def _add_bubble(
    call: Call, follower: Follower, template: Template, via: str, data: dict[str, object]
) -> None:
    body = {
        "title": template.title,
        "rows": template.rows(data),
        "url": str(call.body.get("url") or call.body.get("page") or ""),
    }
    call.platform.chats.add(
        follower.citizen, call.appid, side="them", kind="template", via=via, body=body
    )


def _push_event(call: Call, follower: Follower, name: str, **fields: object) -> None:
    push = pushes.event(
        call.appid, call.account.original_id, follower.openid, follower.citizen, name, **fields
    )
    call.platform.callbacks.deliver(push)


ROUTES = (
    Route("POST", "/cgi-bin/message/template/send", send_template, Capability.TEMPLATE),
    Route("GET", "/cgi-bin/template/get_all_private_template", list_templates, Capability.TEMPLATE),
    Route("POST", "/cgi-bin/template/del_private_template", delete_template, Capability.TEMPLATE),
    Route("POST", "/cgi-bin/message/subscribe/bizsend", send_notice, Capability.NOTICE),
    Route("GET", "/wxaapi/newtmpl/gettemplate", list_notices, Capability.NOTICE),
    Route("POST", "/wxaapi/newtmpl/deltemplate", delete_notice, Capability.NOTICE),
)
