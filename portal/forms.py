from django import forms

from portal.models import Question


class QuestionForm(forms.ModelForm):
    class Meta:
        model = Question
        fields = ["text"]
        widgets = {"text": forms.Textarea({"rows": 4})}

    def save(self, *, asked_by):
        self.instance.asked_by = asked_by
        return super().save()
