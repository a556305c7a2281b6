"""Rows of inlines in the admin: how many a form may announce."""


class BoundedRowsMixin:
    """Before an inline: beside its stored rows it takes `rows_at_once` new ones, or has its own `max_num` in all.

    Of what a made-up form announces beyond that nothing is built: Django would build 2000 forms, which takes seconds.
    """

    max_num = None
    rows_at_once = 50

    def get_formset(self, request, obj=None, **kwargs):
        formset = super().get_formset(request, obj, **kwargs)
        stored = self.model.objects.filter(**{formset.fk.name: obj}).count() if obj else 0
        if self.max_num is None:
            formset.max_num = stored + self.rows_at_once
        formset.absolute_max = max(formset.max_num, stored)
        return formset
