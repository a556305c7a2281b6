"""What an operator may do to the fields of a type."""

from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.utils.translation import gettext as _

from achievements.models import Achievement, TypeField


class TypeFieldFormSet(BaseInlineFormSet):
    """Fields that achievements have filled in are stopped, not deleted or renamed (trigger `kept` on the table)."""

    def clean(self):
        super().clean()
        stored = [form for form in self.initial_forms if form.instance.pk]  # others were deleted meanwhile
        for form in stored:
            if self._goes(form) and _is_held(form.instance.type_id, form.initial["key"]):
                raise ValidationError(
                    _("已有成果填写了“%s”,不能删除或改键。请取消“启用”:不再填写,已填的照常显示。")
                    % form.initial["label"]
                )
        self._check_together()

    def _goes(self, form):
        return form in self.deleted_forms or form.cleaned_data.get("key", "") != form.initial["key"]

    def _check_together(self):
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        dates = {data["key"] for data in kept if data.get("kind") == TypeField.Kind.DATE and data.get("key")}
        if sum(bool(data.get("names_event")) for data in kept) > 1:
            raise ValidationError(_("一个类型只能有一项表示同一赛事。"))
        for data in kept:
            if (before := data.get("not_before")) and before not in dates:
                raise ValidationError(_("“不早于”应是另一日期项的键,没有日期项“%s”。") % before)


def _is_held(type_id, key):
    return Achievement.objects.filter(type=type_id, extra__has_key=key).exists()


class TypeMaterialFormSet(BaseInlineFormSet):
    def clean(self):
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        if self.instance.min_files == 0 and any(data.get("is_required") and data.get("label") for data in kept):
            raise ValidationError(_("有必需的材料时,“最少文件数”不能是0。"))
