"""Notices: template messages and subscription notices, and their templates."""

from __future__ import annotations

from simulator import pushes
from simulator.accounts import Capability
from simulator.api.call import OK, Answer, Call, Route
from simulator.errors import Refused
from simulator.followers import Follower
from simulator.notices import ONE_TIME, Template, check_data


def send_template(call: Call) -> Answer:
    """Send a template message; the result comes as TEMPLATESENDJOBFINISH."""
    world, body = call.world, call.body
    follower = world.followers.known(call.appid, body.get("touser"))
    template = world.notices.get(call.appid, body.get("template_id"), notice=False)
    if not follower.subscribed:
        raise Refused(43004, "require subscribe")
    client_id = str(body.get("client_msg_id") or "")
    earlier = world.notices.earlier(call.appid, follower.openid, client_id) if client_id else None
    if earlier is not None:
        return {**OK, "msgid": earlier}
    data = check_data(template, body.get("data"))
    msgid = world.notices.number(call.appid, follower.openid, client_id)
    if not follower.refuses:
        _show(call, follower, template, "template", data)
    _tell(
        call,
        follower,
        "TEMPLATESENDJOBFINISH",
        MsgID=msgid,
        Status="failed:user block" if follower.refuses else "success",
    )
    return {**OK, "msgid": msgid}


def send_notice(call: Call) -> Answer:
    """Send a subscription notice for which there is consent; 43101 without."""
    world, body = call.world, call.body
    follower = world.followers.known(call.appid, body.get("touser"))
    template = world.notices.get(call.appid, body.get("template_id"), notice=True)
    data = check_data(template, body.get("data"))
    left = follower.consents.get(template.id, 0)
    if left <= 0:
        raise Refused(43101, "user refuse to accept the msg")
    if template.kind == ONE_TIME:
        follower.consents[template.id] = left - 1
        world.followers.keep(follower)
    _show(call, follower, template, "notice", data)
    row = {
        "TemplateId": template.id,
        "MsgID": str(pushes.message_ids.next()),
        "ErrorCode": 0,
        "ErrorStatus": "success",
    }
    _tell(call, follower, "subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": row})
    return OK


def list_templates(call: Call) -> Answer:
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
            for one in call.world.notices.of(call.appid, notices=False)
        ]
    }


def list_notices(call: Call) -> Answer:
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
            for one in call.world.notices.of(call.appid, notices=True)
        ],
    }


def delete_template(call: Call) -> Answer:
    """Remove a template of template messages."""
    call.world.notices.delete(call.appid, call.body.get("template_id"), notice=False)
    return OK


def delete_notice(call: Call) -> Answer:
    """Remove a template of subscription notices."""
    call.world.notices.delete(call.appid, call.body.get("priTmplId"), notice=True)
    return OK


def _show(
    call: Call, follower: Follower, template: Template, via: str, data: dict[str, object]
) -> None:
    body = {
        "title": template.title,
        "rows": template.rows(data),
        "url": str(call.body.get("url") or call.body.get("page") or ""),
    }
    call.world.chats.add(
        follower.citizen, call.appid, side="them", kind="template", via=via, body=body
    )


def _tell(call: Call, follower: Follower, name: str, **fields: object) -> None:
    push = pushes.event(
        call.appid, call.account.original_id, follower.openid, follower.citizen, name, **fields
    )
    call.world.callbacks.deliver(push)


CALLS = (
    Route("POST", "/cgi-bin/message/template/send", send_template, Capability.TEMPLATE),
    Route("GET", "/cgi-bin/template/get_all_private_template", list_templates, Capability.TEMPLATE),
    Route("POST", "/cgi-bin/template/del_private_template", delete_template, Capability.TEMPLATE),
    Route("POST", "/cgi-bin/message/subscribe/bizsend", send_notice, Capability.NOTICE),
    Route("GET", "/wxaapi/newtmpl/gettemplate", list_notices, Capability.NOTICE),
    Route("POST", "/wxaapi/newtmpl/deltemplate", delete_notice, Capability.NOTICE),
)
