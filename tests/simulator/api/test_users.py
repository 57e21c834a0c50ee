"""Followers as their account may see them."""

from tests.simulator.conftest import POLICE, SimulatorClient


def test_a_follower_is_described_until_they_leave(wechat: SimulatorClient, openid: str) -> None:
    known = wechat.api("user/info", openid=openid)
    assert known["subscribe"] == 1
    assert known["subscribe_scene"] == "ADD_SCENE_SEARCH"
    assert wechat.api("user/info/updateremark", {"openid": openid, "remark": "老张"}) == {
        "errcode": 0,
        "errmsg": "ok",
    }
    batch = wechat.api("user/info/batchget", {"user_list": [{"openid": openid}]})
    assert batch["user_info_list"][0]["remark"] == "老张"
    wechat.act("unfollow")
    assert wechat.api("user/info", openid=openid)["subscribe"] == 0


def test_the_list_holds_those_who_follow_now(wechat: SimulatorClient, openid: str) -> None:
    second = wechat.act("follow", citizen="c2")["openid"]
    listed = wechat.api("user/get")
    assert (listed["total"], listed["data"]["openid"]) == (2, [openid, second])
    assert wechat.api("user/get", next_openid=second)["count"] == 0
    wechat.act("unfollow")
    assert wechat.api("user/get")["data"]["openid"] == [second]


def test_tags_are_created_put_on_and_taken_off(wechat: SimulatorClient, openid: str) -> None:
    tag = wechat.api("tags/create", {"tag": {"name": "低保户"}})["tag"]
    assert wechat.api("tags/create", {"tag": {"name": "低保户"}})["errcode"] == 45157
    assert wechat.api("tags/create", {"tag": {"name": "长" * 31}})["errcode"] == 45158
    body = {"openid_list": [openid], "tagid": tag["id"]}
    wechat.api("tags/members/batchtagging", body)
    assert wechat.api("tags/get")["tags"] == [{**tag, "count": 1}]
    assert wechat.api("tags/getidlist", {"openid": openid})["tagid_list"] == [tag["id"]]
    assert wechat.api("user/tag/get", {"tagid": tag["id"]})["data"]["openid"] == [openid]
    wechat.api("tags/members/batchuntagging", body)
    assert wechat.api("user/tag/get", {"tagid": tag["id"]})["count"] == 0
    assert wechat.api("tags/update", {"tag": {"id": 2, "name": "星"}})["errcode"] == 45058
    wechat.api("tags/members/batchtagging", body)
    assert wechat.api("tags/delete", {"tag": {"id": tag["id"]}})["errcode"] == 0
    assert wechat.api("tags/getidlist", {"openid": openid})["tagid_list"] == []
    assert wechat.api("tags/members/batchtagging", body)["errcode"] == 45159


def test_lists_have_their_limits(wechat: SimulatorClient, openid: str) -> None:
    tag = wechat.api("tags/create", {"tag": {"name": "甲"}})["tag"]["id"]
    many = {"openid_list": [openid] * 51, "tagid": tag}
    assert wechat.api("tags/members/batchtagging", many)["errcode"] == 40032
    assert wechat.api("user/info/batchget", {"user_list": []})["errcode"] == 40031


def test_the_blacklist_is_kept(wechat: SimulatorClient, openid: str) -> None:
    wechat.api("tags/members/batchblacklist", {"openid_list": [openid]})
    assert wechat.api("tags/members/getblacklist", {})["data"]["openid"] == [openid]
    wechat.api("tags/members/batchunblacklist", {"openid_list": [openid]})
    assert wechat.api("tags/members/getblacklist", {})["total"] == 0


def test_following_again_starts_fresh(wechat: SimulatorClient, openid: str) -> None:
    tag = wechat.api("tags/create", {"tag": {"name": "乙"}})["tag"]["id"]
    wechat.api("tags/members/batchtagging", {"openid_list": [openid], "tagid": tag})
    wechat.act("unfollow")
    assert wechat.act("follow")["openid"] == openid
    assert wechat.platform.followers.get_by_openid(POLICE.appid, openid).tags == []
