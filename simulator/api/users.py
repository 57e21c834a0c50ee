"""Users: who follows an account, their tags and the blacklist."""

from __future__ import annotations

from typing import Any

from simulator.accounts import Capability
from simulator.api.call import OK, Answer, Call, Route
from simulator.errors import Refused
from simulator.followers import Follower

PAGE = 10_000
MOST_INFOS = 100
MOST_TAGGED = 50
MOST_TAGS_OF_ONE = 20
LONGEST_REMARK = 30


def info(call: Call) -> Answer:
    """What the account may know about one follower."""
    return _facts(call.world.followers.known(call.appid, call.query.get("openid")))


def infos(call: Call) -> Answer:
    """The same of up to a hundred."""
    asked = call.body.get("user_list")
    if not isinstance(asked, list) or not asked:
        raise Refused(40031, "invalid openid list")
    if len(asked) > MOST_INFOS:
        raise Refused(40032, "invalid openid list size")
    openids = [one.get("openid") if isinstance(one, dict) else None for one in asked]
    known = call.world.followers.known
    return {"user_info_list": [_facts(known(call.appid, openid)) for openid in openids]}


def followers(call: Call) -> Answer:
    """A page of openids after `next_openid`."""
    openids = [one.openid for one in call.world.followers.subscribed(call.appid)]
    return _page(openids, call.query.get("next_openid", ""), total=True)


def remark(call: Call) -> Answer:
    """Note something about a follower."""
    follower = call.world.followers.known(call.appid, call.body.get("openid"))
    text = call.body.get("remark")
    if not isinstance(text, str) or len(text) >= LONGEST_REMARK:
        raise Refused(40035, "invalid remark")
    follower.remark = text
    call.world.followers.keep(follower)
    return OK


def create_tag(call: Call) -> Answer:
    """A new tag."""
    tag = call.world.tags.create(call.appid, _tag(call).get("name"))
    return {"tag": {"id": tag.id, "name": tag.name}}


def list_tags(call: Call) -> Answer:
    """All tags with how many carry them."""
    carried = [tag for one in call.world.followers.subscribed(call.appid) for tag in one.tags]
    return {
        "tags": [
            {"id": tag.id, "name": tag.name, "count": carried.count(tag.id)}
            for tag in call.world.tags.of(call.appid)
        ]
    }


def rename_tag(call: Call) -> Answer:
    """Another name for a tag."""
    call.world.tags.rename(call.appid, _tag(call).get("id"), _tag(call).get("name"))
    return OK


def delete_tag(call: Call) -> Answer:
    """Remove a tag, also from its followers."""
    tag = call.world.tags.delete(call.appid, _tag(call).get("id"))
    for follower in call.world.followers.subscribed(call.appid):
        _untag(call, follower, tag.id)
    return OK


def tagged(call: Call) -> Answer:
    """The openids that carry a tag."""
    tag = call.world.tags.get(call.appid, call.body.get("tagid"))
    carriers = call.world.followers.subscribed(call.appid)
    openids = [one.openid for one in carriers if tag.id in one.tags]
    return _page(openids, str(call.body.get("next_openid") or ""))


def tag_members(call: Call) -> Answer:
    """Put a tag on up to fifty followers, all or none."""
    tag = call.world.tags.get(call.appid, call.body.get("tagid"))
    chosen = _listed(call, MOST_TAGGED)
    if any(tag.id not in one.tags and len(one.tags) >= MOST_TAGS_OF_ONE for one in chosen):
        raise Refused(45059, "can't add tag, the user has too many tags")
    for follower in chosen:
        if tag.id not in follower.tags:
            follower.tags.append(tag.id)
            call.world.followers.keep(follower)
    return OK


def untag_members(call: Call) -> Answer:
    """Take a tag off up to fifty followers."""
    tag = call.world.tags.get(call.appid, call.body.get("tagid"))
    for follower in _listed(call, MOST_TAGGED):
        _untag(call, follower, tag.id)
    return OK


def tags_of(call: Call) -> Answer:
    """The tags of one follower."""
    return {"tagid_list": call.world.followers.known(call.appid, call.body.get("openid")).tags}


def blacklist(call: Call) -> Answer:
    """A page of blacklisted openids."""
    present = call.world.followers.subscribed(call.appid)
    openids = [one.openid for one in present if one.blacklisted]
    return _page(openids, str(call.body.get("begin_openid") or ""), total=True)


def ban(call: Call) -> Answer:
    """Put up to twenty followers on the blacklist."""
    return _blacklist(call, banned=True)


def unban(call: Call) -> Answer:
    """Take up to twenty followers off it."""
    return _blacklist(call, banned=False)


def _blacklist(call: Call, *, banned: bool) -> Answer:
    for follower in _listed(call, 20):
        follower.blacklisted = banned
        call.world.followers.keep(follower)
    return OK


def _facts(follower: Follower) -> dict[str, Any]:
    if not follower.subscribed:
        return {"subscribe": 0, "openid": follower.openid, "tagid_list": []}
    return {
        "subscribe": 1,
        "openid": follower.openid,
        "nickname": "",
        "sex": 0,
        "language": "zh_CN",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "subscribe_time": follower.subscribe_time,
        "remark": follower.remark,
        "groupid": follower.tags[0] if follower.tags else 0,
        "tagid_list": follower.tags,
        "subscribe_scene": follower.subscribe_scene,
        "qr_scene": follower.qr_scene,
        "qr_scene_str": follower.qr_scene_str,
    }


def _page(openids: list[str], after: str, *, total: bool = False) -> dict[str, Any]:
    if after and after not in openids:
        raise Refused(40003, "invalid openid")
    start = openids.index(after) + 1 if after else 0
    page = openids[start : start + PAGE]
    answer: dict[str, Any] = {"total": len(openids)} if total else {}
    answer["count"] = len(page)
    if page:
        answer["data"] = {"openid": page}
    return {**answer, "next_openid": page[-1] if page else ""}


def _tag(call: Call) -> dict[str, Any]:
    tag = call.body.get("tag")
    if not isinstance(tag, dict):
        raise Refused(47001, "data format error")
    return tag


def _listed(call: Call, most: int) -> list[Follower]:
    openids = call.body.get("openid_list")
    if not isinstance(openids, list) or not openids:
        raise Refused(40031, "invalid openid list")
    if len(openids) > most:
        raise Refused(40032, "invalid openid list size")
    return [call.world.followers.known(call.appid, openid) for openid in openids]


def _untag(call: Call, follower: Follower, tag_id: int) -> None:
    if tag_id in follower.tags:
        follower.tags.remove(tag_id)
        call.world.followers.keep(follower)


CALLS = tuple(
    Route(method, path, verb, Capability.USERS)
    for method, path, verb in (
        ("GET", "/cgi-bin/user/info", info),
        ("POST", "/cgi-bin/user/info/batchget", infos),
        ("GET", "/cgi-bin/user/get", followers),
        ("POST", "/cgi-bin/user/info/updateremark", remark),
        ("POST", "/cgi-bin/tags/create", create_tag),
        ("GET", "/cgi-bin/tags/get", list_tags),
        ("POST", "/cgi-bin/tags/update", rename_tag),
        ("POST", "/cgi-bin/tags/delete", delete_tag),
        ("POST", "/cgi-bin/user/tag/get", tagged),
        ("POST", "/cgi-bin/tags/members/batchtagging", tag_members),
        ("POST", "/cgi-bin/tags/members/batchuntagging", untag_members),
        ("POST", "/cgi-bin/tags/getidlist", tags_of),
        ("POST", "/cgi-bin/tags/members/getblacklist", blacklist),
        ("POST", "/cgi-bin/tags/members/batchblacklist", ban),
        ("POST", "/cgi-bin/tags/members/batchunblacklist", unban),
    )
)
