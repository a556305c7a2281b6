"""Rows of inlines in the admin: how many a form may announce."""


class BoundedRowsMixin:
    """Before an inline: of what a made-up form announces beyond `max_num` rows and the stored ones nothing is built.

    Django builds up to 2000 forms of a hundred kilobytes, which takes seconds.
    """

    max_num = 100

    def get_formset(self, request, obj=None, **kwargs):
        formset = super().get_formset(request, obj, **kwargs)
        stored = self.model.objects.filter(**{formset.fk.name: obj}).count() if obj else 0
        formset.absolute_max = max(self.max_num, stored)
        return formset
