from django.utils.translation import gettext_lazy as _

from accounts.forms.uploads import ImportUploadForm
from achievements.models import AchievementImport


class AchievementUploadForm(ImportUploadForm):
    model = AchievementImport
    file_label = _("成果文件")
