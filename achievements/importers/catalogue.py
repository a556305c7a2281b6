"""Import the catalogue: entries known by institution, project and name follow the file; others are made.

Made and changed as their importer may: the centre's are approved at once, an institution's are drafts.
"""

import datetime as dt
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.importers.checks import TableChecker
from accounts.importers.columns import ImportFileError
from accounts.importers.reports import Counts, write_report
from accounts.importers.tables import open_table
from accounts.models import Institution
from achievements.importers.catalogue_columns import COLUMNS, escaped
from achievements.models import AchievementType, CatalogueAlias, CatalogueEntry, LevelFamily
from achievements.services.catalogue import history, set_aliases

BATCH = 1000
LOCK = 5_0002  # one import of the catalogue at a time
Status, Keeper = CatalogueEntry.Status, CatalogueEntry.Keeper
PLAIN = ["level", "hours_unit", "credit_basis", "stop_reason", "description"]
NUMBERS = {"framework_level": int, "family_rank": int, "hours": Decimal, "credits": Decimal}
DATES = ["valid_from", "valid_to"]


def import_catalogue(
    *, path, by, as_draft=False, dry_run=False, report=None, on_progress=None, row_limit=None, name=""
):
    """Bring the catalogue in line with a file, as `by`: staff of the centre, or an institution's own account.

    All good rows are written together or, with `dry_run` or an error, none; refused rows go to the CSV `report`.
    Raises `ImportFileError` when the file as a whole can't be imported.
    """
    row_limit = row_limit or settings.IMPORT_ROWS_COMMAND
    checker = TableChecker(open_table(path, COLUMNS, row_limit=row_limit), COLUMNS)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        importing = _Import(checker, by=by, as_draft=as_draft)
        with history(by=by, reason=_("导入%s") % name):
            for rows in checker.good_rows(row_limit=row_limit, on_progress=on_progress or (lambda share: None)):
                for start in range(0, rows.height, BATCH):
                    importing.take(list(rows.slice(start, BATCH).iter_rows(named=True)))
        if dry_run:
            transaction.set_rollback(True)
    if report:
        write_report(report, sorted(checker.refusals, key=COLUMNS.place))
    return importing.counts()


class RowError(Exception):
    """A row can't be imported for what the database says; `field` is the column to blame."""

    def __init__(self, field, reason):
        super().__init__(reason)
        self.field, self.reason = field, reason


class _Import:
    def __init__(self, checker, *, by, as_draft):
        if not (by.belongs_to_centre or (by.institution_id and not by.is_staff)):
            raise ImportFileError(_("只有管理中心和机构账号可以导入名录成果。"))
        if by.belongs_to_centre and not by.has_perm("achievements.approve_catalogueentry"):
            as_draft = True
        self.checker, self.by, self.as_draft = checker, by, as_draft or not by.belongs_to_centre
        self.fields = set(checker.fields)
        self.institutions = self._institutions()
        self.types = self._types()
        self.families = {family.name: family for family in LevelFamily.objects.all()}
        self.ranks = {}
        self.lines = {}
        self.created = self.updated = self.unchanged = 0

    def _institutions(self):
        rows = Institution.objects.exclude(bank_code=None)
        if not self.by.belongs_to_centre:
            rows = rows.filter(pk=self.by.institution_id)
        return {row.bank_code: row for row in rows}

    def _types(self):
        """Level-2 types by code, and by name where only one has it."""
        rows = list(AchievementType.objects.filter(parent__isnull=False))
        names = [row.name for row in rows]
        return {row.name: row for row in rows if names.count(row.name) == 1} | {row.code: row for row in rows}

    def counts(self):
        checker = self.checker
        return Counts(self.created, self.updated, self.unchanged, checker.refused, checker.rows)

    # A batch -----------------------------------------------------------------------------------------------------

    def take(self, rows):
        """Sort the rows of a batch into new, changed and unchanged, and write."""
        known = self._known(rows)
        new, changed = [], []
        for row in rows:
            try:
                entry, names, is_changed = self._entry_of(row, known)
            except RowError as error:
                self.checker.refuse(row["line"], error.field, error.reason, row.get(error.field) or "")
                continue
            if entry.pk is None:
                new.append((entry, names))
            elif is_changed:
                changed.append((entry, names))
            else:
                self.unchanged += 1
        self._write(new, changed)

    def _known(self, rows):
        """The stored entries that a batch may mean, by (institution, project, name)."""
        codes = {row["institution"] for row in rows}
        institutions = [self.institutions[code].pk for code in codes if code in self.institutions]
        entries = CatalogueEntry.objects.filter(institution__in=institutions, name__in={row["name"] for row in rows})
        return {_key(entry): entry for entry in entries.prefetch_related("aliases").select_for_update(of=["self"])}

    def _entry_of(self, row, known):
        """Return (entry as the row has it, its aliases and former names, whether that changes it)."""
        institution, type_ = self._institution(row), self._type(row)
        key = (institution.pk, row["project_name"], row["name"])
        self._refuse_repeated(row, key)
        entry = known.get(key) or self._new(row, key)
        before = _facts(entry)
        was_type, entry.type = entry.type_id, type_
        self._fill(entry, row)
        self._check(entry, row)
        self._join_family(entry, row)
        names = self._names(entry, row)
        is_changed = entry.pk is not None and (
            before != _facts(entry) or was_type != type_.pk or names != _names_of(entry)
        )
        self._check_state(entry, row, is_changed)
        self._take_rank(entry)
        return entry, names, is_changed

    def _institution(self, row):
        institution = self.institutions.get(row["institution"])
        if institution is None:
            reason = _("没有这个代码的机构。") if self.by.belongs_to_centre else _("只能导入本机构的成果。")
            raise RowError("institution", reason)
        if row["institution_name"] and row["institution_name"] != institution.name:
            raise RowError("institution_name", _("机构代码属于“%s”,与名称不符。") % institution.name)
        return institution

    def _type(self, row):
        try:
            return self.types[row["type"]]
        except KeyError:
            raise RowError("type", _("没有这个二级成果类型,请填写类型的名称或代码。")) from None

    def _refuse_repeated(self, row, key):
        if key in self.lines:
            raise RowError("name", _("与第%s行重复(机构、项目名称和成果名称相同)。") % self.lines[key])
        self.lines[key] = row["line"]

    def _new(self, row, key):
        former = CatalogueAlias.objects.filter(
            kind=CatalogueAlias.Kind.FORMER, name=key[2], entry__institution=key[0], entry__project_name=key[1]
        )
        if alias := former.select_related("entry").first():
            raise RowError("name", _("这是“%s”的曾用名,请改用现在的名称。") % alias.entry.name)
        entry = CatalogueEntry(institution_id=key[0], project_name=key[1], name=key[2], drafted_by=self.by)
        entry.keeper = Keeper.CENTRE if self.by.belongs_to_centre else Keeper.INSTITUTION
        self._set_state(entry, row["status"])
        return entry

    def _set_state(self, entry, wanted):
        """What a new entry starts as: approved if its importer may and doesn't say otherwise."""
        if wanted not in {"", Status.DRAFT, Status.APPROVED}:
            raise RowError("status", _("新增的成果只能是“草稿”或“已批准”。"))
        if wanted == Status.APPROVED and self.as_draft:
            raise RowError("status", _("这次导入只能新增草稿。"))
        if not self.as_draft and wanted != Status.DRAFT:
            entry.status, entry.approved_by, entry.approved_at = Status.APPROVED, self.by, timezone.now()

    def _fill(self, entry, row):
        """Take over what the file says; columns that it lacks stay as they are."""
        for field in self.fields.intersection(PLAIN):
            if not _exports_as(entry, field, row[field]):
                setattr(entry, field, row[field])
        for field in self.fields.intersection(NUMBERS):
            setattr(entry, field, None if row[field] is None else NUMBERS[field](row[field]))
        for field in self.fields.intersection(DATES):
            setattr(entry, field, row[field] and dt.date.fromisoformat(row[field]))
        if "is_active" in self.fields:
            entry.is_active = row["is_active"] == "true"

    def _check(self, entry, row):
        in_family = bool(row["family"]) if "family" in self.fields else entry.family_id is not None
        if in_family != (entry.family_rank is not None):
            raise RowError("family_rank", _("等级系列和系列次序要一起填写。"))
        if in_family and not self.by.belongs_to_centre and "family" in self.fields:
            raise RowError("family", _("等级系列由管理中心维护,请留空。"))
        if entry.valid_from and entry.valid_to and entry.valid_to < entry.valid_from:
            raise RowError("valid_to", _("失效日期不能早于生效日期。"))
        if not entry.is_active and not entry.stop_reason:
            raise RowError("stop_reason", _("停用时请填写原因。"))

    def _check_state(self, entry, row, is_changed):
        if entry.pk is None:
            return
        if row["status"] and row["status"] != entry.status:
            raise RowError("status", _("已有的成果不能通过导入改变状态(现为“%s”)。") % entry.get_status_display())
        if is_changed and self.by.belongs_to_centre and entry.keeper == Keeper.INSTITUTION and not entry.approved_at:
            raise RowError(None, _("机构起草的成果尚未批准,不能通过导入变更。"))
        if (
            is_changed
            and not self.by.belongs_to_centre
            and not (entry.keeper == Keeper.INSTITUTION and entry.is_editable_draft)
        ):
            raise RowError(None, _("这项成果已提交、已批准或由管理中心维护,不能通过导入变更。"))

    def _join_family(self, entry, row):
        if "family" not in self.fields:
            return
        name = row["family"]
        if name and name not in self.families:
            self.families[name] = LevelFamily.objects.create(name=name)
        entry.family = self.families.get(name)

    def _take_rank(self, entry):
        """Refuse a rank that another entry of the family has."""
        if entry.family_id is None:
            return
        if entry.family_id not in self.ranks:
            members = CatalogueEntry.objects.filter(family=entry.family_id)
            self.ranks[entry.family_id] = {member.family_rank: _key(member) for member in members}
        ranks = self.ranks[entry.family_id]
        holder = ranks.get(entry.family_rank)
        if holder not in (None, _key(entry)):
            raise RowError("family_rank", _("这个次序已属于“%s”。") % holder[2])
        for rank in [rank for rank, key in ranks.items() if key == _key(entry)]:
            del ranks[rank]
        ranks[entry.family_rank] = _key(entry)

    def _names(self, entry, row):
        """(aliases, former names) as the entry shall have them; former names only grow."""
        aliases, formers = _names_of(entry)
        if "formers" in self.fields:
            formers = formers | set(row["formers"].split("\n")) - {"", entry.name}
        if "aliases" in self.fields:
            aliases = set(row["aliases"].split("\n")) - {"", entry.name}
        return aliases - formers, formers

    # Writing -----------------------------------------------------------------------------------------------------

    def _write(self, new, changed):
        """Changes first: they free ranks that new entries may take."""
        if changed:
            fields = ["type", "family", "is_active", *PLAIN, *NUMBERS, *DATES]
            CatalogueEntry.objects.bulk_update([entry for entry, _names in changed], fields, batch_size=BATCH)
            for entry, (aliases, formers) in changed:
                if (aliases, formers) != _names_of(entry):
                    _add_formers([entry], [formers - _names_of(entry)[1]])
                    set_aliases(entry=entry, names=aliases)
        if new:
            entries = CatalogueEntry.objects.bulk_create([entry for entry, _names in new])
            _add_formers(entries, [formers for _entry, (_aliases, formers) in new])
            CatalogueAlias.objects.bulk_create(
                CatalogueAlias(entry=entry, name=name) for entry, (aliases, _f) in new for name in sorted(aliases)
            )
        self.created += len(new)
        self.updated += len(changed)


def _add_formers(entries, names):
    """Add former names; one that was an alias becomes a former name."""
    kind = CatalogueAlias.Kind.FORMER
    rows = [
        CatalogueAlias(entry=entry, name=name, kind=kind)
        for entry, formers in zip(entries, names, strict=True)
        for name in sorted(formers)
    ]
    CatalogueAlias.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["entry", "name"], update_fields=["kind"]
    )


def _exports_as(entry, field, text):
    """Whether a text typed in a form, whose blanks a file doesn't keep, is what the row says."""
    stored = getattr(entry, field)
    try:
        return bool(stored) and COLUMNS[field].rule(escaped(stored)) == text
    except ValidationError:
        return False


def _key(entry):
    return entry.institution_id, entry.project_name, entry.name


def _facts(entry):
    fields = ["family_id", "is_active", *PLAIN, *NUMBERS, *DATES]
    return {field: getattr(entry, field) for field in fields}


def _names_of(entry):
    """({aliases}, {former names}) as stored."""
    held = {"alias": set(), "former": set()}
    for alias in entry.aliases.all() if entry.pk else ():
        held[alias.kind].add(alias.name)
    return held["alias"], held["former"]
