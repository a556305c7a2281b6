"""Compare checked rows with what is stored, a chunk at a time, and write what is new or changed."""

import datetime as dt
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.documents import same_name
from accounts.models import Learner
from achievements.models import Achievement, AchievementType, CatalogueEntry
from achievements.rules import check_extra
from vault.digests import keyed_digests

EXTRA = "extra:"  # begins the names of the columns of extra fields; their label follows
LOCK = 0x61636869  # the first half of the advisory lock's key; the second is the institution
TRIES = 3
BATCH = 1000
COMPARED = ("entry_id", "name", "body_name", "body_code", "certificate_number", "obtained_on")
OPTIONAL = ("score", "description")
WRITTEN = [*COMPARED, *OPTIONAL, "certificate_key", "extra", "edited_at"]
Origin = Achievement.Origin

NOT_ON_ROSTER = _("本机构的名册中没有这个证件号码,请先导入名册。")
OTHER_NAME = _("与名册中该证件号码的姓名不符。")
NO_ENTRY = _("成果名录中没有这个编号。")
STOPPED = _("这项名录成果已停用或不在有效期内。")
UNRECOGNISED = _("业绩类成果须经认定才能关联名录成果,请改填成果分类和成果名称。")
OTHER_TITLE = _("与名录编号对应的成果名称不符。")
OTHER_TYPE = _("与名录编号对应的成果分类不符。")
EMPTY = _("不能为空。")
NOT_ASKED = _("这类成果没有这一项。")
REPEATED = _("与第%(line)s行是同一项成果。")
USED = _("这项成果已用于申请,不能再由文件修改。确需更正的,请联系学分银行管理中心。")
CORRECTED = _("学习者已更正这项成果,内容与文件不同,请与学习者核对。")
OWN = _("学习者已自行添加同一项成果,内容与文件不同,请与学习者核对。")
OTHER_IMPORT = _("另一机构已导入同一项成果,内容与文件不同。")


class AchievementWriter:
    """The writing half of one import; lives inside the caller's transaction. Refusals go to the checker."""

    def __init__(self, *, institution, fields, checker):
        self.institution, self.checker = institution, checker
        self.compared = [*COMPARED, *(field for field in OPTIONAL if field in fields)]
        self.tells_body_code = "body_code" in fields
        self.labels = [field.removeprefix(EXTRA) for field in fields if field and field.startswith(EXTRA)]
        types = AchievementType.objects.filter(is_active=True, parent__isnull=False)
        self.types = {type_.code: type_ for type_ in types.prefetch_related("extra_fields")}
        self.counts = {"created": 0, "updated": 0, "unchanged": 0}
        self.asked, self.lines = {}, {}
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, institution.pk % 2**31])

    def write(self, rows):
        """Bring the achievements of a chunk of rows (dicts) up to date."""
        learners, catalogue = self._learners(rows), _Catalogue(rows)
        wanted = [found for row in rows if (found := self._wanted(row, learners, catalogue))]
        for tries_left in reversed(range(TRIES)):
            try:
                with transaction.atomic():
                    refusals, counts = self._carry_out(wanted)
                break
            except IntegrityError:  # a learner added the same one at this moment: look again
                if not tries_left:
                    raise
        for line, field, reason in refusals:
            self.checker.refuse(line, field, reason)
        self.counts = {name: number + counts[name] for name, number in self.counts.items()}

    # What a row says ---------------------------------------------------------------------------------------------

    def _learners(self, rows):
        """{document number: (id, name)} of the institution's own people."""
        digests = keyed_digests("document", [row["number"] for row in rows])
        own = Learner.objects.verified().filter(document_digest__in=digests, enrolments__institution=self.institution)
        by_digest = {digest: person for digest, *person in own.values_list("document_digest", "pk", "name").distinct()}
        return {row["number"]: by_digest.get(digest) for row, digest in zip(rows, digests, strict=True)}

    def _wanted(self, row, learners, catalogue):
        """Return (line, achievement as the row says it), or None when the row was refused."""
        person, entry = learners[row["number"]], catalogue.entry_of(row, self.institution)
        refusals = list(self._contradictions(row, person, entry))
        if not refusals:
            achievement = self._achievement(row, person[0], entry)
            refusals = list(self._extra(row, achievement)) or list(self._missing(row, achievement))
        if not refusals:
            refusals = list(self._repeated(row, achievement))
        for field, reason in refusals:
            self.checker.refuse(row["line"], field, reason, row.get(field) or "")
        return None if refusals else (row["line"], achievement)

    def _contradictions(self, row, person, entry):
        if person is None:
            yield "document_number", NOT_ON_ROSTER
        elif row["name"] != person[1] and not same_name(row["name"], person[1]):
            yield "name", OTHER_NAME
        if row["entry"] and entry is None:
            yield "entry", NO_ENTRY
        elif row["entry"]:
            if row["title"] and row["title"] != entry.name:
                yield "title", OTHER_TITLE
            if row["type"] and row["type"] != entry.type.code:
                yield "type", OTHER_TYPE
        else:
            yield from ((field, EMPTY) for field in ("type", "title") if not row[field])

    def _achievement(self, row, learner_id, entry):
        achievement = Achievement(
            learner_id=learner_id,
            type=self.types.get(entry.type.code, entry.type) if entry else self.types[row["type"]],
            entry=entry,
            name=entry.name if entry else row["title"],
            body_name=entry.institution.name if entry else row["body_name"] or self.institution.name,
            body_code=(entry.institution.bank_code or "") if entry else self._body_code(row),
            certificate_number=row["certificate_number"],
            obtained_on=dt.date.fromisoformat(row["obtained_on"]),
            score=Decimal(row["score"]) if row["score"] else None,
            description=row["description"],
            origin=Origin.IMPORTED,
            imported_from=self.institution,
        )
        achievement.certificate_key = Achievement.key_of(achievement.certificate_number, achievement.body_name)
        return achievement

    def _body_code(self, row):
        own = row["body_name"] in ("", self.institution.name)
        return row["body_code"] or ((self.institution.bank_code or "") if own else "")

    def _extra(self, row, achievement):
        """Take the extra fields of the type over from their columns; yield what is wrong with them."""
        fields = self._asked(achievement.type)
        typed = {field.key: row.get(f"{EXTRA}{field.label}") or "" for field in fields}
        achievement.extra, errors = check_extra(fields, typed)
        labels = {field.key: field.label for field in fields}
        yield from ((f"{EXTRA}{labels[key]}", reason) for key, reason in errors.items())
        for label in set(self.labels) - set(labels.values()):
            if row[f"{EXTRA}{label}"]:
                yield f"{EXTRA}{label}", NOT_ASKED

    def _asked(self, type_):
        """The extra fields in use of a type."""
        if type_.pk not in self.asked:
            self.asked[type_.pk] = [field for field in type_.extra_fields.all() if field.is_active]
        return self.asked[type_.pk]

    def _missing(self, row, achievement):
        if not (achievement.certificate_number or achievement.type.is_performance):
            yield "certificate_number", EMPTY

    def _repeated(self, row, achievement):
        first = self.lines.setdefault(_key(achievement), row["line"])
        if first != row["line"]:
            yield None, REPEATED % {"line": first}

    # What is stored ----------------------------------------------------------------------------------------------

    def _carry_out(self, wanted):
        """Return [(line, field, reason)…] of rows that contradict what is stored, and the counts of the others."""
        held = self._held(wanted)
        new, changed, refusals = [], [], []
        for line, achievement in wanted:
            stored = held.get(_key(achievement))
            if reason := _why_not_linked(achievement.entry, stored):
                refusals.append((line, "entry", reason))
            elif stored is None:
                new.append(achievement)
            elif self._take_over(stored, achievement):
                changed.append((line, stored))
        good, refused = self._changeable(changed)
        Achievement.objects.bulk_create(new, batch_size=BATCH)
        Achievement.objects.bulk_update(good, WRITTEN, batch_size=BATCH)
        refusals += refused
        counts = {"created": len(new), "updated": len(good)}
        counts["unchanged"] = len(wanted) - len(refusals) - len(new) - len(good)
        return refusals, counts

    def _held(self, wanted):
        """{key: what the learner holds of it}: the institution's own import first, then the current version."""
        learners = {achievement.learner_id for _line, achievement in wanted}
        rows = Achievement.objects.filter(
            Q(replaced_by=None) | Q(imported_from=self.institution), learner__in=learners
        )
        held = {}
        for row in rows.order_by("pk"):
            before = held.get(_key(row))
            if before is None or self._rank(row) >= self._rank(before):
                held[_key(row)] = row
        return held

    def _rank(self, row):
        return row.imported_from_id == self.institution.pk, row.replaced_by_id is None

    def _take_over(self, stored, achievement):
        """Give a stored row the file's values; tell whether that changes it."""
        keys = {field.key for field in self._asked(achievement.type) if field.label in self.labels}
        extra = {key: text for key, text in stored.extra.items() if key not in keys} | achievement.extra
        changes = {name: getattr(achievement, name) for name in self.compared} | {"extra": extra}
        if achievement.entry is None and stored.entry_id:  # linked once, when its entry could still be chosen
            del changes["entry_id"], changes["body_code"]
        if not (self.tells_body_code or achievement.body_code):  # the file has no such column
            changes.pop("body_code", None)
        changed = {name: value for name, value in changes.items() if getattr(stored, name) != value}
        for name, value in changed.items():
            setattr(stored, name, value)
        return bool(changed)

    def _changeable(self, changed):
        """Divide changed rows into those that may be written and [(line, field, reason)…] of the others."""
        pks = [stored.pk for _line, stored in changed]
        # Waits for a submission under way, which holds the row by its foreign key.
        locked = Achievement.objects.filter(pk__in=pks).order_by("pk").select_for_update(of=["self"])
        replaced = {pk for pk, by in locked.values_list("pk", "replaced_by") if by}
        used = set(Achievement.objects.filter(pk__in=pks).used().values_list("pk", flat=True))
        good, refused = [], []
        for line, stored in changed:
            reason = self._why_not(stored, replaced, used)
            if reason:
                refused.append((line, None, reason))
            else:
                stored.certificate_key = Achievement.key_of(stored.certificate_number, stored.body_name)
                stored.edited_at = timezone.now()
                good.append(stored)
        return good, refused

    def _why_not(self, stored, replaced, used):
        if stored.origin != Origin.IMPORTED:
            return OWN
        if stored.imported_from_id != self.institution.pk:
            return OTHER_IMPORT
        if stored.pk in replaced:
            return CORRECTED
        return USED if stored.pk in used else None


def _why_not_linked(entry, stored):
    """Why a row can't name its entry, unless the stored achievement has it already; None if it can."""
    if entry is None or entry.is_choosable or (stored and stored.entry_id == entry.pk):
        return None
    return UNRECOGNISED if entry.is_in_force else STOPPED


def _key(achievement):
    return achievement.learner_id, achievement.type_id, achievement.identity


class _Catalogue:
    """The entries that a chunk of rows names, by number or by name and body."""

    def __init__(self, rows):
        numbers = {int(row["entry"]) for row in rows if row["entry"]}
        titles = {row["title"] for row in rows if row["title"] and not row["entry"]}
        entries = CatalogueEntry.objects.public().select_related("institution", "type__parent")
        self.by_number = {str(entry.pk): entry for entry in entries.filter(pk__in=numbers)}
        self.by_name = {}
        for entry in entries.filter(name__in=titles):
            self.by_name.setdefault((entry.name, entry.institution.name, entry.type.code), []).append(entry)

    def entry_of(self, row, institution):
        """The entry of a row, or None: without a number only an unmistakable one that can be chosen is linked."""
        if row["entry"]:
            return self.by_number.get(str(int(row["entry"])))
        named = self.by_name.get((row["title"], row["body_name"] or institution.name, row["type"]), [])
        return named[0] if len(named) == 1 and named[0].is_choosable else None
