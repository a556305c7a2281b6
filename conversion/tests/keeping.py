"""People who keep rules, and forms as the admin's pages send them."""

import json
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db.models import Q

from accounts.models import User
from conversion.tests.scene import numbers

GROUPS = json.loads((Path(settings.BASE_DIR) / "portal/data/groups.json").read_text(encoding="utf-8"))


def make_keeper(institution=None, group=None):
    """Somebody with the rights of 机构规则管理员, or at the centre those of 运营管理员."""
    group = group or ("机构规则管理员" if institution else "运营管理员")
    number = next(numbers)
    user = User.objects.create(
        username=f"keeper{number}", name=f"规则员{number}", institution=institution, is_staff=True, password="!"
    )
    wanted = Q()
    for model, names in GROUPS[group].items():
        app, name = model.split(".")
        codes = [f"{verb}_{name}" for verb in names]
        wanted |= Q(content_type__app_label=app, codename__in=codes)
    user.user_permissions.set(Permission.objects.filter(wanted))
    return user


def formset(prefix, rows=(), initial=0):
    """The fields of an inline: its management form and its rows."""
    data = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for n, row in enumerate(rows):
        data |= {f"{prefix}-{n}-{name}": value for name, value in row.items()}
    return data
