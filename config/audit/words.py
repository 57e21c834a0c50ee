"""The audit's words: what an action, a kind of object and a field are called on the page.

Every action that the code records stands in ACTIONS, every kind in KINDS, and nothing else does;
a test reads the code and says what is missing. A field without a word is shown as it is written.
"""

ACTIONS = {
    "account.add": "添加公众号",
    "account.adopt_welcome": "接管公众号原有的欢迎语",
    "account.change": "修改公众号设置",
    "account.finish_rotation": "完成公众号密钥更换",
    "account.pause": "停用公众号",
    "account.resume": "恢复公众号",
    "article.put": "保存文章",
    "audit.export": "导出操作记录",
    "department.add": "新增单位",
    "department.describe": "修改单位信息",
    "department.merge": "并入其他单位",
    "department.move": "调整上级单位",
    "department.rename": "单位更名",
    "guide.put": "保存办事指南",
    "keyword_text.set": "修改兜底或紧急回复",
    "media.keep": "保存素材",
    "menu.write": "修改菜单",
    "rule.created": "新建关键词规则",
    "rule.deleted": "删除关键词规则",
    "rule.switched": "启用或停用关键词规则",
    "rule.updated": "修改关键词规则",
}

KINDS = {
    "account": "公众号",
    "article": "文章",
    "audit": "操作记录",
    "department": "单位",
    "guide": "办事指南",
    "keyword_text": "兜底与紧急回复",
    "media": "素材",
    "rule": "关键词规则",
}

FIELDS = {
    "account": "公众号",
    "account_id": "公众号",
    "action": "操作",
    "actor_id": "人员",
    "agent": "接待人",
    "author": "作者",
    "body": "内容",
    "body_markdown": "正文",
    "buttons": "菜单项",
    "category": "栏目",
    "choice": "多条回复的选择",
    "content": "内容",
    "count": "条数",
    "cut": "是否截断",
    "days": "适用日期",
    "department": "单位",
    "department_id": "单位",
    "description": "说明",
    "details": "其他信息",
    "digest": "摘要",
    "exact": "关键词（完全相同）",
    "filter": "筛选条件",
    "first": "开始日期",
    "format": "文件格式",
    "hours": "适用时段",
    "hq_url": "高音质网址",
    "id": "编号",
    "keywords": "关键词（包含）",
    "kind": "类型",
    "label": "对象名称",
    "last": "结束日期",
    "level": "级别",
    "media": "素材",
    "mode": "模式",
    "name": "名称",
    "object_id": "对象编号",
    "original": "原创",
    "original_id": "原始 ID",
    "overrides": "替代的规则",
    "parent_id": "上级单位",
    "patterns": "关键词（正则）",
    "person": "人员",
    "phone": "电话",
    "picture": "图片",
    "priority": "优先级",
    "replies": "回复",
    "reply": "回复",
    "request_id": "请求编号",
    "review_by": "复核期限",
    "rotating": "正在更换密钥",
    "rows": "行数",
    "scope": "适用范围",
    "service": "办事事项",
    "sha256": "文件指纹",
    "source": "来源",
    "source_url": "来源网址",
    "state": "状态",
    "successor_id": "并入单位",
    "tags": "标签",
    "text": "文字",
    "thumb": "封面",
    "title": "标题",
    "together": "关键词（同时含有）",
    "type": "类型",
    "url": "网址",
    "valid_from": "生效日期",
    "valid_to": "失效日期",
    "value": "值",
    "verified": "已认证",
    "version": "版本",
    "weekdays": "适用星期",
    "welcome": "欢迎语",
    "with": "必须含有",
    "without": "排除词",
    "words": "词语",
}

# fields that hold a code word, and what the words stand for
CODED = frozenset({"choice", "format", "kind", "level", "mode", "scope", "state", "type"})
VALUES = {
    "active": "启用",
    "compatible": "兼容模式",
    "default": "默认",
    "disabled": "停用",
    "draft": "草稿",
    "first": "第一条",
    "important": "重要",
    "local": "本地",
    "major": "重大",
    "mandatory": "强制",
    "merged": "已并入",
    "ordinary": "一般",
    "paused": "停用",
    "plain": "明文模式",
    "random": "随机一条",
    "safe": "安全模式",
    "service": "服务号",
    "subscription": "订阅号",
}


ACTORS = {"system": "系统", "flask load": "命令行"}


def actor(label: str) -> str:
    """Who acted: a person's name, or what a part of the system is called."""
    return ACTORS.get(label, label)


def action(name: str) -> str:
    """What an action is called; one that nothing records any more keeps its own name."""
    return ACTIONS.get(name, name)


def kind(name: str) -> str:
    """What a kind of object is called."""
    return KINDS.get(name, name)
