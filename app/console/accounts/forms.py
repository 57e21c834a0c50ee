"""The forms of the accounts' pages."""

from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length, Optional

from app.console.accounts.labels import KIND_LABELS, MODE_LABELS
from app.console.forms import Form, department_choices, strip
from app.web.auth import member
from config.permissions import Permission
from matrix import departments
from matrix.accounts import Account, AccountKind, AccountSpec, key_rotation
from matrix.departments import DepartmentState
from matrix.wechat.envelope import EncryptionMode

_STRENGTH = {EncryptionMode.PLAIN: 0, EncryptionMode.COMPATIBLE: 1, EncryptionMode.SAFE: 2}


class AccountForm(Form):
    """What an account is, apart from its secrets."""

    name = StringField("账号名称", [DataRequired("请填写账号名称"), Length(max=60)], [strip])
    original_id = StringField("原始 ID", [DataRequired("请填写原始 ID")], [strip])
    department = SelectField("所属单位", [DataRequired("请选择所属单位")], coerce=int)
    kind = RadioField("账号类型", choices=KIND_LABELS, default=AccountKind.SERVICE.value)
    verified = BooleanField("已通过微信认证", default=True)
    verified_until = DateField("认证有效期至", [Optional()])
    mode = SelectField("消息加解密方式", choices=MODE_LABELS, default=EncryptionMode.SAFE.value)
    welcome = TextAreaField("关注后的欢迎语", [Length(max=600)], [strip])

    def set_department_choices(self, current: int | None = None) -> None:
        """Offer the departments where the signed-in person manages accounts.

        `current` is the department that an existing account has: it stays a choice even where the
        person does not manage it. Without it the form is for a new account.
        """
        managed = departments.list_for_staff(member(), Permission.ACCOUNTS_MANAGE)
        # a merged department takes nothing new
        active = [row for row in managed if row.state is DepartmentState.ACTIVE]
        choices = department_choices(active)
        # no default: an account registered at the wrong department would be in the hands of its
        # staff
        if current is None and len(choices) > 1:
            choices = {0: "请选择"} | choices
        if current is not None and current not in choices:
            choices.update(departments.names([current]))
        self.department.choices = choices

    def spec(self, **unchanged: str) -> AccountSpec:
        """What was typed. `unchanged` are the fields of the spec that this form does not ask."""
        return AccountSpec(
            name=self.name.data or "",
            original_id=self.original_id.data or "",
            department_id=self.department.data,
            kind=AccountKind(self.kind.data),
            verified=self.verified.data,
            mode=EncryptionMode(self.mode.data),
            welcome=self.welcome.data or "",
            **unchanged,
        )


class NewAccountForm(AccountForm):
    """A new account, with the secrets that WeChat gave it."""

    appid = StringField("AppID", [DataRequired("请填写 AppID")], [strip])
    # a password field, so that browsers neither show the secret nor offer it in other forms
    secret = PasswordField("AppSecret", [DataRequired("请粘贴 AppSecret")], [strip])

    def new_spec(self) -> AccountSpec:
        """What was typed, with a fresh Token and EncodingAESKey."""
        keys = key_rotation.generate()
        return self.spec(
            appid=self.appid.data or "",
            secret=self.secret.data or "",
            token=keys.token,
            aes_key=keys.aes_key,
        )


class EditForm(AccountForm):
    """An existing account; `version` tells which state of it was read."""

    version = HiddenField()

    def weakens(self, present: EncryptionMode) -> bool:
        """Whether the mode that was chosen protects messages less than the present one."""
        return _STRENGTH[EncryptionMode(self.mode.data)] < _STRENGTH[present]


class SecretForm(Form):
    """A new AppSecret."""

    secret = PasswordField("新的 AppSecret", [DataRequired("请粘贴新的 AppSecret")], [strip])


class FinishRotationForm(Form):
    """The last step of a rotation; `anyway` ends it though WeChat still uses the old keys."""

    anyway = BooleanField("旧密钥已泄露，立即停用（微信若还没有改用新密钥，推送会中断）")


class PauseForm(Form):
    """Why an account is paused."""

    reason = StringField(
        "原因", [DataRequired("请写明原因"), Length(max=100, message="最长 100 个字")], [strip]
    )


class TodoForm(Form):
    """How a to-do was settled."""

    how = StringField("如何处理的", [DataRequired("请说明如何处理的")], [strip])


def form_data(account: Account) -> dict[str, Any]:
    """The values that fill an `EditForm` for this account, by field."""
    return {
        "name": account.name,
        "original_id": account.original_id,
        "department": account.department_id,
        "kind": account.kind.value,
        "verified": account.verified,
        "verified_until": account.verified_until,
        "mode": account.mode.value,
        "welcome": account.welcome,
        "version": account.version,
    }
