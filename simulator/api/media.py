"""Calls for temporary and permanent media files."""

from __future__ import annotations

import json
from typing import Any

from simulator.api.call import OK, ApiResult, Call, FileResult, Route
from simulator.content.media import RULES, Medium
from simulator.core.errors import ApiError

# the largest `count` of batchget_material (WeChat: 获取素材列表)
MAX_PAGE = 20


def upload(call: Call) -> ApiResult:
    """Store a temporary file, which expires after three days."""
    kind, file = call.query.get("type", ""), call.upload()
    medium = call.platform.media.add_temporary(call.appid, kind, file.filename, file.data)
    # only thumbs answer their id under another name
    name = "thumb_media_id" if kind == "thumb" else "media_id"
    return {"type": kind, name: medium.id, "created_at": int(medium.created_at)}


def get(call: Call) -> ApiResult:
    """The bytes of a temporary file; for a video a link to it."""
    medium = call.platform.media.get(call.appid, call.query.get("media_id"))
    # the documented answer for videos; bytes were seen from real accounts too, so clients must
    # handle both
    if medium.kind == "video":
        return {"video_url": _link(call, medium)}
    return FileResult(medium.data, medium.mime, medium.filename)


def upload_image(call: Call) -> ApiResult:
    """Store a picture for article bodies; answers its link."""
    file = call.upload()
    medium = call.platform.media.add_article_picture(call.appid, file.filename, file.data)
    return {"url": _link(call, medium)}


def add_material(call: Call) -> ApiResult:
    """Store a permanent file; a video has its `description` in the form."""
    kind, file = call.query.get("type") or call.form.get("type", ""), call.upload()
    words = _description(call.form.get("description", "")) if kind == "video" else {}
    medium = call.platform.media.add_permanent(call.appid, kind, file.filename, file.data, **words)
    answer = {"media_id": medium.id}
    return {**answer, "url": _link(call, medium)} if kind in ("image", "thumb") else answer


def get_material(call: Call) -> ApiResult:
    """The bytes of a permanent file; for a video its title, introduction and link."""
    medium = call.platform.media.get(call.appid, call.body.get("media_id"))
    # temporary files cannot be read through the calls for permanent ones
    if medium.expires_at:
        raise ApiError(40007, "invalid media_id")
    if medium.kind == "video":
        return {
            "title": medium.title,
            "description": medium.introduction,
            "down_url": _link(call, medium),
        }
    return FileResult(medium.data, medium.mime, medium.filename)


def delete_material(call: Call) -> ApiResult:
    """Delete a permanent file."""
    call.platform.media.delete(call.appid, call.body.get("media_id"))
    return OK


def count_material(call: Call) -> ApiResult:
    """How many permanent files there are of each kind."""
    # thumbs are not counted: the answer has no field for them
    kinds = [one.kind for one in call.platform.media.list_permanent(call.appid)]
    counts = {f"{kind}_count": kinds.count(kind) for kind in ("voice", "video", "image")}
    return {**counts, "news_count": 0}


def list_material(call: Call) -> ApiResult:
    """A page of the permanent files, newest first."""
    kind = call.body.get("type")
    offset, count = call.body.get("offset", 0), call.body.get("count", MAX_PAGE)
    if kind not in (*RULES, "news"):
        raise ApiError(40004, "invalid media type")
    if not isinstance(offset, int) or not isinstance(count, int) or not 1 <= count <= MAX_PAGE:
        raise ApiError(40035, "invalid parameter")
    found = call.platform.media.list_permanent(call.appid, kind)
    page = found[offset : offset + count]
    return {
        "total_count": len(found),
        "item_count": len(page),
        "item": [
            {
                "media_id": one.id,
                "name": one.filename,
                "update_time": int(one.created_at),
                "url": _link(call, one),
            }
            for one in page
        ],
    }


def _link(call: Call, medium: Medium) -> str:
    return f"{call.base}/mmbiz_jpg/{medium.picture}/0"


def _description(text: str) -> dict[str, str]:
    try:
        given: Any = json.loads(text)
        return {"title": str(given["title"]), "introduction": str(given.get("introduction", ""))}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ApiError(47001, "data format error") from error


ROUTES = (
    Route("POST", "/cgi-bin/media/upload", upload),
    Route("GET", "/cgi-bin/media/get", get),
    Route("POST", "/cgi-bin/media/uploadimg", upload_image),
    Route("POST", "/cgi-bin/material/add_material", add_material),
    Route("POST", "/cgi-bin/material/get_material", get_material),
    Route("POST", "/cgi-bin/material/del_material", delete_material),
    Route("GET", "/cgi-bin/material/get_materialcount", count_material),
    Route("POST", "/cgi-bin/material/batchget_material", list_material),
)
