"""Standard texts: what the hub says where no rule does, one editable text for each occasion.

    StandardText ── BUILTIN_TEXTS, as delivered
                └── default_replies: what the city has written instead

A text may hold the placeholders listed with it, such as {name}; a line whose placeholder has no
value is left out, so that no account promises a phone number it does not have.
"""

import re
from collections.abc import Mapping

from config.labelled_enum import LabelledEnum


class StandardText(LabelledEnum):
    """The occasions, each with its Chinese title for staff."""

    IMAGE = "image", "收到图片"
    VOICE = "voice", "收到语音"
    VIDEO = "video", "收到视频"
    LOCATION = "location", "收到位置"
    LINK = "link", "收到链接"
    FILE = "file", "收到文件"
    MINI_PROGRAM_CARD = "mini_program_card", "收到小程序卡片"
    UNSUPPORTED = "unsupported", "收到微信无法显示的内容（如表情包）"
    REPLY_RECEIVED = "reply_received", "收到请市民补充的内容"
    STAFF_PRESENT = "staff_present", "要求人工（办公时间内）"
    STAFF_ABSENT = "staff_absent", "要求人工（办公时间外）"
    HELP = "help", "菜单与帮助"
    DEPARTMENTS = "departments", "部门名单"
    FALLBACK_AGAIN = "fallback_again", "再次没有答上"
    FALLBACK_WAYS_OUT = "fallback_ways_out", "多次没有答上"
    # what comes before everything else where somebody is in danger, by the number to call
    EMERGENCY_FIRE = "emergency_fire", "紧急：火情、燃气、生产事故"
    EMERGENCY_RESCUE = "emergency_rescue", "紧急：被困、落水、坍塌、地震、洪水"
    EMERGENCY_POLICE = "emergency_police", "紧急：暴力、盗抢、走失"
    EMERGENCY_MEDICAL = "emergency_medical", "紧急：伤病急救"
    EMERGENCY_TRAFFIC = "emergency_traffic", "紧急：交通事故"
    EMERGENCY_FRAUD = "emergency_fraud", "紧急：正在受骗"
    EMERGENCY_SUICIDE = "emergency_suicide", "紧急：心里撑不住的人"
    POSSIBLE_DANGER = "possible_danger", "可能有危险时附在答复后的一行"
    # the kinds of small talk
    GREETING = "greeting", "问候"
    PRESENCE = "presence", "问“在吗”"
    THANKS = "thanks", "感谢"
    ABUSE = "abuse", "抱怨与骂人"
    GOODBYE = "goodbye", "告别"
    AFFIRMATION = "affirmation", "说“好的”"
    INTERJECTION = "interjection", "只有感叹词"
    TEST = "test", "测试消息"
    QUESTION_MARK = "question_mark", "只发标点"
    STICKER = "sticker", "只发微信表情"
    EMOJI = "emoji", "只发表情符号"


BUILTIN_TEXTS: Mapping[StandardText, str] = {
    StandardText.IMAGE: (
        "图片收到了，系统看不懂图片，工作人员会在工作时间内查看。"
        "请再用文字写一句要问的事和地点，能马上答复的会马上答复您。"
    ),
    StandardText.VOICE: (
        "语音收到了，但系统听不懂语音，工作人员会在工作时间内收听。"
        "想马上得到答复，请把要问的事打成文字。"
        "紧急情况请直接拨打 110、119、120、122。"
    ),
    StandardText.VIDEO: (
        "视频收到了，系统看不懂视频，工作人员会在工作时间内查看。请再用文字写一句要问的事和地点。"
    ),
    StandardText.LOCATION: (
        "位置收到了，工作人员会在工作时间内查看。请再用文字写一句那里发生了什么事。"
    ),
    StandardText.LINK: (
        "链接收到了，系统不会打开它，工作人员会在工作时间内查看。请再用文字写一句要问的事。"
    ),
    StandardText.FILE: (
        "文件收到了，微信只告诉我们文件名，打不开内容。请用文字写明要问的事，或把关键的一页拍照发来。"
    ),
    StandardText.MINI_PROGRAM_CARD: (
        "小程序卡片收到了，系统不会打开它，工作人员会在工作时间内查看。请再用文字写一句要问的事。"
    ),
    StandardText.UNSUPPORTED: (
        "这条内容微信没有传过来，我们看不到。请用文字写下来，或者发一张照片。"
    ),
    StandardText.REPLY_RECEIVED: (
        "收到，谢谢您的补充，已和您刚才反映的事放在一起，工作人员会尽快查看。"
        "紧急情况请直接拨打 110、119、120、122。"
    ),
    StandardText.STAFF_PRESENT: (
        "好的，已转给{name}的工作人员。请写明事项和地点，工作人员看到后会在这里回复您。\n"
        "着急的话请打电话：{phone}"
    ),
    StandardText.STAFF_ABSENT: (
        "现在不是{name}的办公时间，请先留言写明事项和地点，工作人员上班后会在这里回复您。\n"
        "办公时间：{hours}\n"
        "电话：{phone}"
    ),
    StandardText.HELP: "您可以直接写下要办的事，比如“身份证丢了怎么办”。常用的有：",
    StandardText.DEPARTMENTS: "点单位名称看职责、电话、地址和公众号：",
    StandardText.FALLBACK_AGAIN: (
        "还是没有找到对应的答复。请换个说法再试一次，只写要办的事就行，比如“补身份证”“交水费”。"
    ),
    StandardText.FALLBACK_WAYS_OUT: (
        "很抱歉，这件事系统答不上来，您的留言工作人员会在工作时间内回复。\n"
        "也可以打电话问{name}：{phone}\n"
        "或者试试："
    ),
    StandardText.EMERGENCY_FIRE: (
        "请立即离开危险的地方，拨打 119（火警救援）。有烟时弯腰捂住口鼻走楼梯，不乘电梯；"
        "闻到燃气味不开关电器、不点火。有人受伤拨打 120。"
        "本账号不能替代报警电话，请不要只在这里等待回复。"
    ),
    StandardText.EMERGENCY_RESCUE: (
        "请立即拨打 119（火警救援）或 110，说清地点和人数；有人受伤拨打 120。"
        "不要贸然下水或靠近坍塌处，保存手机电量。"
        "本账号不能替代报警电话，请不要只在这里等待回复。"
    ),
    StandardText.EMERGENCY_POLICE: (
        "请立即拨打 110（报警），不便说话时可发短信到 12110。先到安全的地方，锁好门；"
        "有人受伤拨打 120。本账号不能替代报警电话，请不要只在这里等待回复。"
    ),
    StandardText.EMERGENCY_MEDICAL: (
        "请立即拨打 120（急救），听电话里医生的指导，不要挂断；有人触电先断电，不要用手去拉。"
        "需要救援拨打 119 或 110。本账号不能替代急救电话，请不要只在这里等待回复。"
    ),
    StandardText.EMERGENCY_TRAFFIC: (
        "请立即拨打 122（交通事故），有人受伤拨打 120，有人被困或起火拨打 119。"
        "人先撤到路边护栏外，打开双闪，在车后放警示牌。"
        "本账号不能替代报警电话，请不要只在这里等待回复。"
    ),
    StandardText.EMERGENCY_FRAUD: (
        "请马上停止转账，挂断对方电话，不要共享屏幕、不要告诉验证码，立即拨打 110 报警；"
        "钱刚转出时报警越早越可能拦下。也可以打反诈专线 96110。请不要只在这里等待回复。"
    ),
    # humane, and without a list of numbers: somebody who reads it may be alone at a window
    StandardText.EMERGENCY_SUICIDE: (
        "谢谢您愿意说出来。您现在一定很难受，请先不要一个人扛着，离开危险的地方，"
        "给身边信得过的人打个电话。全国心理援助热线 12356 随时有人听您说。"
        "如果您是替别人着急，请先陪着他，不要让他独自一人。"
    ),
    StandardText.POSSIBLE_DANGER: (
        "如果有人正处在危险中，请立即拨打 110（报警）、119（火警救援）、"
        "120（急救）、122（交通事故）。"
    ),
    StandardText.GREETING: "您好！请直接写下要办的事或要问的事，比如“身份证丢了怎么办”。",
    StandardText.PRESENCE: "在的。请直接写下要办的事，能马上答复的会马上答复您。",
    StandardText.THANKS: "不客气，还有要问的随时写下来。",
    StandardText.ABUSE: (
        "没能帮上忙，很抱歉。请写明事项和地点，我们尽快处理；回复“人工”可以找工作人员。"
    ),
    StandardText.GOODBYE: "再见，需要时随时写下来。",
    StandardText.AFFIRMATION: "好的。还有要问的随时写下来。",
    StandardText.INTERJECTION: "在听呢。有要办的事，请写成一句话，比如“低保怎么申请”。",
    StandardText.TEST: "收到，可以正常收发消息。有要办的事，请直接写下来。",
    StandardText.QUESTION_MARK: "请把要问的事写成一句话，比如“公交几点末班”，我们马上查。",
    StandardText.STICKER: "收到您的表情。系统只看得懂文字，有要办的事请写下来。",
    StandardText.EMOJI: "收到您的表情。有要办的事，请用文字写下来。",
}
# what each text may name; the console shows it beside the text
PLACEHOLDERS: Mapping[StandardText, tuple[str, ...]] = {
    StandardText.STAFF_PRESENT: ("name", "phone"),
    StandardText.STAFF_ABSENT: ("name", "hours", "phone"),
    StandardText.FALLBACK_WAYS_OUT: ("name", "phone"),
}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced, without the lines that name an empty value.

    A placeholder that `values` does not know stays as it is written.
    """
    lines = []
    for line in text.split("\n"):
        names = [name for name in _PLACEHOLDER.findall(line) if name in values]
        if all(values[name] for name in names):
            lines.append(_PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), line))
    return "\n".join(lines)
