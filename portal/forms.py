from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.lines import Lines
from portal.models import Question


class QuestionForm(forms.ModelForm):
    class Meta:
        model = Question
        fields = ["text"]
        widgets = {"text": Lines({"rows": 4})}

    def save(self, *, asked_by):
        self.instance.asked_by = asked_by
        return super().save()


class AnswerForm(forms.ModelForm):
    """A question in the admin: what has no answer is not among the public ones."""

    class Meta:
        model = Question
        fields = ["answer", "is_published"]

    def clean(self):
        data = super().clean()
        if data.get("is_published") and not data.get("answer") and "answer" not in self.errors:
            self.add_error("answer", _("公开为常见问题之前,请填写解答。"))
        return data
