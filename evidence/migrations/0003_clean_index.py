"""Content is looked up by its clean copy too: by the sweep of bytes, and for the same file under another learner."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evidence", "0002_uploads_without_account")]

    operations = [
        migrations.AddIndex(
            model_name="evidencefile",
            index=models.Index(fields=["clean_sha256"], name="evidence_clean_copy"),
        ),
    ]
