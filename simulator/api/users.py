"""Calls for followers, tags and the blacklist."""

from __future__ import annotations

from simulator.accounts.accounts import Capability
from simulator.accounts.followers import Follower
from simulator.api.call import OK, ApiResult, Call, Route
from simulator.core.errors import ApiError
from simulator.core.json_object import JsonObject

# the page size of user/get; clients cannot choose it
PAGE = 10_000
MAX_INFOS = 100
MAX_TAGGED = 50
MAX_TAGS_PER_FOLLOWER = 20
MAX_REMARK_LENGTH = 30


def get_info(call: Call) -> ApiResult:
    """The data of one follower."""
    return _profile(call.platform.followers.get_by_openid(call.appid, call.query.get("openid")))


def get_infos(call: Call) -> ApiResult:
    """The data of up to a hundred followers."""
    asked = call.body.get("user_list")
    if not isinstance(asked, list) or not asked:
        raise ApiError(40031, "invalid openid list")
    if len(asked) > MAX_INFOS:
        raise ApiError(40032, "invalid openid list size")
    openids = [one.get("openid") if isinstance(one, dict) else None for one in asked]
    known = call.platform.followers.get_by_openid
    return {"user_info_list": [_profile(known(call.appid, openid)) for openid in openids]}


def list_followers(call: Call) -> ApiResult:
    """A page of openids after `next_openid`."""
    openids = [one.openid for one in call.platform.followers.list_subscribed(call.appid)]
    return _page(openids, call.query.get("next_openid", ""), total=True)


def set_remark(call: Call) -> ApiResult:
    """Set the remark of a follower."""
    follower = call.platform.followers.get_by_openid(call.appid, call.body.get("openid"))
    text = call.body.get("remark")
    # "fewer than 30 characters" says the documentation, so 30 itself is refused
    if not isinstance(text, str) or len(text) >= MAX_REMARK_LENGTH:
        raise ApiError(40035, "invalid remark")
    follower.remark = text
    call.platform.followers.save(follower)
    return OK


def create_tag(call: Call) -> ApiResult:
    """A new tag."""
    tag = call.platform.tags.create(call.appid, _tag(call).get("name"))
    return {"tag": {"id": tag.id, "name": tag.name}}


def list_tags(call: Call) -> ApiResult:
    """All tags, each with the number of its followers."""
    carried = [
        tag for one in call.platform.followers.list_subscribed(call.appid) for tag in one.tags
    ]
    return {
        "tags": [
            {"id": tag.id, "name": tag.name, "count": carried.count(tag.id)}
            for tag in call.platform.tags.list_of(call.appid)
        ]
    }


def rename_tag(call: Call) -> ApiResult:
    """Rename a tag."""
    call.platform.tags.rename(call.appid, _tag(call).get("id"), _tag(call).get("name"))
    return OK


def delete_tag(call: Call) -> ApiResult:
    """Delete a tag and remove it from its followers."""
    tag = call.platform.tags.delete(call.appid, _tag(call).get("id"))
    for follower in call.platform.followers.list_subscribed(call.appid):
        _untag(call, follower, tag.id)
    return OK


def list_tagged(call: Call) -> ApiResult:
    """The openids with a tag."""
    tag = call.platform.tags.get(call.appid, call.body.get("tagid"))
    carriers = call.platform.followers.list_subscribed(call.appid)
    openids = [one.openid for one in carriers if tag.id in one.tags]
    return _page(openids, str(call.body.get("next_openid") or ""))


def tag_members(call: Call) -> ApiResult:
    """Tag up to fifty followers, all or none."""
    tag = call.platform.tags.get(call.appid, call.body.get("tagid"))
    chosen = _named_followers(call, MAX_TAGGED)
    # checked for all before the first is changed, so that a refused call changes nothing
    if any(tag.id not in one.tags and len(one.tags) >= MAX_TAGS_PER_FOLLOWER for one in chosen):
        raise ApiError(45059, "can't add tag, the user has too many tags")
    for follower in chosen:
        if tag.id not in follower.tags:
            follower.tags.append(tag.id)
            call.platform.followers.save(follower)
    return OK


def untag_members(call: Call) -> ApiResult:
    """Remove a tag from up to fifty followers."""
    tag = call.platform.tags.get(call.appid, call.body.get("tagid"))
    for follower in _named_followers(call, MAX_TAGGED):
        _untag(call, follower, tag.id)
    return OK


def list_tags_of(call: Call) -> ApiResult:
    """The tags of one follower."""
    return {
        "tagid_list": call.platform.followers.get_by_openid(
            call.appid, call.body.get("openid")
        ).tags
    }


def list_blacklist(call: Call) -> ApiResult:
    """A page of the blacklisted openids."""
    present = call.platform.followers.list_subscribed(call.appid)
    openids = [one.openid for one in present if one.blacklisted]
    return _page(openids, str(call.body.get("begin_openid") or ""), total=True)


def add_to_blacklist(call: Call) -> ApiResult:
    """Add up to twenty followers to the blacklist."""
    return _set_blacklisted(call, banned=True)


def remove_from_blacklist(call: Call) -> ApiResult:
    """Remove up to twenty followers from the blacklist."""
    return _set_blacklisted(call, banned=False)


def _set_blacklisted(call: Call, *, banned: bool) -> ApiResult:
    # twenty openids a call (WeChat: 黑名单管理)
    for follower in _named_followers(call, 20):
        follower.blacklisted = banned
        call.platform.followers.save(follower)
    return OK


def _profile(follower: Follower) -> JsonObject:
    # the platform tells nothing else about people who have left
    if not follower.subscribed:
        return {"subscribe": 0, "openid": follower.openid, "tagid_list": []}
    return {
        "subscribe": 1,
        "openid": follower.openid,
        # empty since December 2021, as are sex, place and avatar: the platform no longer gives them
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


def _page(openids: list[str], after: str, *, total: bool = False) -> JsonObject:
    if after and after not in openids:
        raise ApiError(40003, "invalid openid")
    start = openids.index(after) + 1 if after else 0
    page = openids[start : start + PAGE]
    answer: JsonObject = {"total": len(openids)} if total else {}
    answer["count"] = len(page)
    # an empty page has no `data` at all, which clients that index into it must survive
    if page:
        answer["data"] = {"openid": page}
    return {**answer, "next_openid": page[-1] if page else ""}


def _tag(call: Call) -> JsonObject:
    tag = call.body.get("tag")
    if not isinstance(tag, dict):
        raise ApiError(47001, "data format error")
    return tag


def _named_followers(call: Call, most: int) -> list[Follower]:
    openids = call.body.get("openid_list")
    if not isinstance(openids, list) or not openids:
        raise ApiError(40031, "invalid openid list")
    if len(openids) > most:
        raise ApiError(40032, "invalid openid list size")
    return [call.platform.followers.get_by_openid(call.appid, openid) for openid in openids]


def _untag(call: Call, follower: Follower, tag_id: int) -> None:
    if tag_id in follower.tags:
        follower.tags.remove(tag_id)
        call.platform.followers.save(follower)


ROUTES = tuple(
    Route(method, path, verb, Capability.USERS)
    for method, path, verb in (
        ("GET", "/cgi-bin/user/info", get_info),
        ("POST", "/cgi-bin/user/info/batchget", get_infos),
        ("GET", "/cgi-bin/user/get", list_followers),
        ("POST", "/cgi-bin/user/info/updateremark", set_remark),
        ("POST", "/cgi-bin/tags/create", create_tag),
        ("GET", "/cgi-bin/tags/get", list_tags),
        ("POST", "/cgi-bin/tags/update", rename_tag),
        ("POST", "/cgi-bin/tags/delete", delete_tag),
        ("POST", "/cgi-bin/user/tag/get", list_tagged),
        ("POST", "/cgi-bin/tags/members/batchtagging", tag_members),
        ("POST", "/cgi-bin/tags/members/batchuntagging", untag_members),
        ("POST", "/cgi-bin/tags/getidlist", list_tags_of),
        ("POST", "/cgi-bin/tags/members/getblacklist", list_blacklist),
        ("POST", "/cgi-bin/tags/members/batchblacklist", add_to_blacklist),
        ("POST", "/cgi-bin/tags/members/batchunblacklist", remove_from_blacklist),
    )
)
