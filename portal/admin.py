from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext as _

from messaging.services import send_inbox_message
from portal.forms import AnswerForm
from portal.models import Article, Question


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin):
    list_display = ["title", "column", "published_at"]
    list_filter = ["column"]
    search_fields = ["title"]
    exclude = ["written_by"]

    def view_on_site(self, article):
        """Drafts, and what is to be published later, have no page yet."""
        return article.get_absolute_url() if Article.objects.published().filter(pk=article.pk).exists() else None

    def save_model(self, request, obj, form, change):
        obj.written_by = obj.written_by or request.user
        super().save_model(request, obj, form, change)


@admin.register(Question)
class QuestionAdmin(admin.ModelAdmin):
    list_display = ["__str__", "asked_at", "answered_at", "is_published"]
    form = AnswerForm
    list_filter = ["is_published", ("answered_at", admin.EmptyFieldListFilter)]
    fields = ["text", "asked_at", "answer", "is_published"]
    readonly_fields = ["text", "asked_at"]

    def has_add_permission(self, request):
        return False

    def save_model(self, request, obj, form, change):
        first = bool(obj.answer) and obj.answered_at is None
        if first:
            obj.answered_at = timezone.now()
        super().save_model(request, obj, form, change)
        if first and obj.asked_by:
            send_inbox_message(
                recipient=obj.asked_by, subject=_("您的提问已有解答"), body=obj.answer, link="/questions/"
            )
