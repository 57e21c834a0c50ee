"""Followers as their account may see them."""

from tests.simulator.conftest import POLICE, Platform


def test_a_follower_is_described_until_they_leave(platform: Platform, openid: str) -> None:
    known = platform.api("user/info", openid=openid)
    assert known["subscribe"] == 1
    assert known["subscribe_scene"] == "ADD_SCENE_SEARCH"
    assert platform.api("user/info/updateremark", {"openid": openid, "remark": "老张"}) == {
        "errcode": 0,
        "errmsg": "ok",
    }
    batch = platform.api("user/info/batchget", {"user_list": [{"openid": openid}]})
    assert batch["user_info_list"][0]["remark"] == "老张"
    platform.act("unfollow")
    assert platform.api("user/info", openid=openid)["subscribe"] == 0


def test_the_list_holds_those_who_follow_now(platform: Platform, openid: str) -> None:
    second = platform.act("follow", citizen="c2")["openid"]
    listed = platform.api("user/get")
    assert (listed["total"], listed["data"]["openid"]) == (2, [openid, second])
    assert platform.api("user/get", next_openid=second)["count"] == 0
    platform.act("unfollow")
    assert platform.api("user/get")["data"]["openid"] == [second]


def test_tags_are_created_put_on_and_taken_off(platform: Platform, openid: str) -> None:
    tag = platform.api("tags/create", {"tag": {"name": "低保户"}})["tag"]
    assert platform.api("tags/create", {"tag": {"name": "低保户"}})["errcode"] == 45157
    assert platform.api("tags/create", {"tag": {"name": "长" * 31}})["errcode"] == 45158
    body = {"openid_list": [openid], "tagid": tag["id"]}
    platform.api("tags/members/batchtagging", body)
    assert platform.api("tags/get")["tags"] == [{**tag, "count": 1}]
    assert platform.api("tags/getidlist", {"openid": openid})["tagid_list"] == [tag["id"]]
    assert platform.api("user/tag/get", {"tagid": tag["id"]})["data"]["openid"] == [openid]
    platform.api("tags/members/batchuntagging", body)
    assert platform.api("user/tag/get", {"tagid": tag["id"]})["count"] == 0
    assert platform.api("tags/update", {"tag": {"id": 2, "name": "星"}})["errcode"] == 45058
    platform.api("tags/members/batchtagging", body)
    assert platform.api("tags/delete", {"tag": {"id": tag["id"]}})["errcode"] == 0
    assert platform.api("tags/getidlist", {"openid": openid})["tagid_list"] == []
    assert platform.api("tags/members/batchtagging", body)["errcode"] == 45159


def test_lists_have_their_limits(platform: Platform, openid: str) -> None:
    tag = platform.api("tags/create", {"tag": {"name": "甲"}})["tag"]["id"]
    many = {"openid_list": [openid] * 51, "tagid": tag}
    assert platform.api("tags/members/batchtagging", many)["errcode"] == 40032
    assert platform.api("user/info/batchget", {"user_list": []})["errcode"] == 40031


def test_the_blacklist_is_kept(platform: Platform, openid: str) -> None:
    platform.api("tags/members/batchblacklist", {"openid_list": [openid]})
    assert platform.api("tags/members/getblacklist", {})["data"]["openid"] == [openid]
    platform.api("tags/members/batchunblacklist", {"openid_list": [openid]})
    assert platform.api("tags/members/getblacklist", {})["total"] == 0


def test_following_again_starts_anew(platform: Platform, openid: str) -> None:
    tag = platform.api("tags/create", {"tag": {"name": "乙"}})["tag"]["id"]
    platform.api("tags/members/batchtagging", {"openid_list": [openid], "tagid": tag})
    platform.act("unfollow")
    assert platform.act("follow")["openid"] == openid
    assert platform.world.followers.known(POLICE.appid, openid).tags == []
