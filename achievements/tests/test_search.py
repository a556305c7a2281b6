"""Finding catalogue entries: the same ones as a look at every row would find, the best first."""

import random
import unicodedata

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Institution
from accounts.tests.factories import InstitutionFactory
from achievements import search
from achievements.models import CatalogueAlias, CatalogueEntry, CatalogueText
from achievements.search import Hits, Term, matching, terms_of
from achievements.tests.factories import EntryFactory, TypeFactory

pytestmark = pytest.mark.django_db

# Few enough characters for chance to bring them together; from outside the BMP, wide ones and SQL's own among them.
LETTERS = "云计算机平台中级𬭎😀aAbBＡｂ1１+＋%_\\'\"()（）&|:*!-  "
TEXTS = st.text(st.sampled_from(LETTERS), max_size=6)


def fold(text):
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def naive(entries, anywhere, project, names, institution):
    """What the search promises, by looking at every row."""

    def holds(entry):
        texts = [fold(text) for text in (entry.project_name, entry.name, entry.institution.name)]
        boxes = zip(texts, [project, names, institution], strict=True)
        in_boxes = all(word in text for text, box in boxes for word in fold(box).split())
        return in_boxes and all(any(word in text for text in texts) for word in fold(anywhere).split())

    return {entry.pk for entry in entries if holds(entry)}


def ids(hits):
    return [entry.pk for entry in hits[:]]


def find(anywhere="", **boxes):
    return ids(Hits(terms_of(anywhere=anywhere, **boxes)))


@pytest.fixture
def random_catalogue():
    chance = random.Random(20261123)

    def text(size):
        return "".join(chance.choice(LETTERS) for _ in range(size))

    type_ = TypeFactory()
    institutions = [InstitutionFactory(name=text(6)) for _ in range(12)]
    rows = [
        CatalogueEntry(
            pk=10_000_000 + 300 * number,  # in every slice of the index
            project_name=text(4),
            name=f"{text(9)}{number}",
            institution=chance.choice(institutions),
            type=type_,
            status="approved",
        )
        for number in range(250)
    ]
    return CatalogueEntry.objects.bulk_create(rows)


@pytest.mark.parametrize("way", ["by index", "by walk", "sorted"])
def test_search_finds_what_a_look_at_every_row_finds(random_catalogue, way, monkeypatch):
    """Every way of looking, on random texts, against the naive look."""
    if way != "by index":
        monkeypatch.setattr(search, "EXACT", 20)
    if way == "by walk":
        monkeypatch.setattr(search, "COMMON", 0)
    if way == "sorted":
        monkeypatch.setattr(search, "LONGEST_WALK", 0)

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(anywhere=TEXTS, project=TEXTS, names=TEXTS, institution=TEXTS, boxes=st.booleans())
    def looked_up(anywhere, project, names, institution, boxes):
        asked = (anywhere, project, names, institution) if boxes else (anywhere, "", "", "")
        expected = naive(random_catalogue, *asked)
        terms = terms_of(**dict(zip(["anywhere", "project", "names", "institution"], asked, strict=True)))
        hits = Hits(terms)
        assert set(matching(CatalogueEntry.objects.all(), terms).values_list("pk", flat=True)) == expected
        if len(expected) > search.EXACT:
            assert hits.is_cut
            assert ids(hits) == sorted(expected, reverse=True)[: search.EXACT]
        else:
            assert not hits.is_cut
            assert len(hits) == len(ids(hits)) == len(expected)
            assert set(ids(hits)) == expected

    looked_up()


def test_learner_finds_any_part_in_any_width_and_case():
    entry = EntryFactory(
        project_name="培训证书",
        name="ＨＣＩＡ-Cloud Computing云计算工程师",
        institution=InstitutionFactory(name="示例考试院"),
    )
    EntryFactory(name="别的")
    for text in [
        "云",
        "计算",
        "计算工",
        "云计算工程师",
        "hcia",
        "ｈｃｉａ",
        "CLOUD",
        "考试 云",
        "培训 hcia 院",
        "a-c",
    ]:
        assert find(text) == [entry.pk], text
    for text in ["云算", "云计算 别的", "hciacloud", "%", "_", "证书云"]:
        assert find(text) == [], text


def test_each_box_looks_in_its_own_column_only():
    entry = EntryFactory(project_name="甲", name="乙", institution=InstitutionFactory(name="丙"))
    assert find(project="甲", names="乙", institution="丙") == [entry.pk]
    assert find(project="乙") == find(names="丙") == find(institution="甲") == []


def test_the_best_come_first():
    other = EntryFactory(name="大数据云计算")
    beginning = EntryFactory(name="云计算与大数据")
    short_beginning = EntryFactory(name="云计算甲")
    stopped = EntryFactory(name="云计算")
    CatalogueEntry.objects.filter(pk=stopped.pk).update(is_active=False, stop_reason="已有新版")
    exact = EntryFactory(name="云计算")
    expired_short = EntryFactory(name="云计算乙", valid_to="2020-12-31")
    wanted = [exact, stopped, short_beginning, beginning, expired_short, other]
    assert find("云计算") == find(names="云计算") == [entry.pk for entry in wanted]


def test_beyond_the_limit_the_newest_come_first(monkeypatch):
    monkeypatch.setattr(search, "EXACT", 5)
    EntryFactory(name="同名")
    newer = EntryFactory.create_batch(6, name="同名的成果")
    hits = Hits(terms_of(anywhere="同名"))
    assert hits.is_cut
    assert len(hits) == 5
    assert ids(hits) == [entry.pk for entry in reversed(newer)][:5]


def test_old_hits_are_found_though_all_new_entries_are_others(monkeypatch):
    for name, value in [("EXACT", 3), ("COMMON", 0), ("LONGEST_WALK", 4)]:
        monkeypatch.setattr(search, name, value)
    old = EntryFactory.create_batch(5, name="旧成果")
    EntryFactory.create_batch(9, name="新的")
    assert find("旧成果") == [entry.pk for entry in reversed(old)][:3]


def test_nothing_asked_lists_everything():
    entries = EntryFactory.create_batch(3)
    assert set(find("")) == set(find(" \u3000")) == {entry.pk for entry in entries}


def test_hostile_texts_find_nothing_and_break_nothing():
    EntryFactory()
    for text in ["\x00云\ud800计", "'\"\\:*&|!()<->", "长" * 30_000, "𬭎" * 200, "a:*", "' OR '1'='1", "\\", "'"]:
        assert find(text) == [], text[:20]


def test_renamed_institution_and_entry_are_found_by_the_new_name_only():
    entry = EntryFactory(name="旧的成果", institution=InstitutionFactory(name="旧学院"))
    Institution.objects.filter(pk=entry.institution_id).update(name="新大学")
    assert find(institution="新大学") == [entry.pk]
    assert find("旧学院") == []
    CatalogueEntry.objects.filter(pk=entry.pk).update(project_name="新项目")
    assert find(project="新项目") == [entry.pk]
    assert find(project="1+X") == []


def test_an_entry_is_found_by_aliases_and_former_names():
    entry = EntryFactory(name="旧的成果")
    CatalogueEntry.objects.filter(pk=entry.pk).update(name="新的成果")
    alias = CatalogueAlias.objects.create(entry=entry, name="简称ＡＢ")
    assert find(names="新的") == find(names="旧的") == find("ab") == [entry.pk]
    assert find("成果简称") == []
    alias.name = "缩写"
    alias.save()
    assert find("简称") == []
    assert find("缩写") == [entry.pk]
    alias.delete()
    assert find("缩写") == []


def test_an_alias_may_be_the_exact_name():
    longer = EntryFactory(name="甲乙丙")
    entry = EntryFactory(name="另一个名字")
    CatalogueAlias.objects.create(entry=entry, name="甲乙")
    assert find("甲乙") == [entry.pk, longer.pk]


def test_only_approved_entries_are_public():
    draft = EntryFactory(name="草稿成果", status="draft")
    assert find("草稿") == find("") == []
    assert list(matching(CatalogueEntry.objects.all(), terms_of(anywhere="草稿"))) == [draft]
    CatalogueEntry.objects.filter(pk=draft.pk).update(status="approved")
    assert find("草稿") == [draft.pk]


def test_a_deleted_entry_takes_its_text_along():
    entry, other = EntryFactory.create_batch(2)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM achievements_catalogueentry WHERE id = %s", [entry.pk])
    other.delete()
    assert not CatalogueText.objects.exists()


def test_a_change_that_no_search_sees_writes_no_text():
    entry = EntryFactory()
    with connection.cursor() as cursor:

        def version():
            cursor.execute("SELECT xmin::text, ctid::text FROM achievements_cataloguetext")
            return cursor.fetchone()

        before = version()
        CatalogueEntry.objects.filter(pk=entry.pk).update(description="改写的说明", credits=3)
        assert version() == before
        CatalogueEntry.objects.filter(pk=entry.pk).update(name="别的")
        assert version() != before


def planner():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(name || setting, ' ' ORDER BY name) FROM pg_settings WHERE name ~ '^enable|^jit'"
        )
        return cursor.fetchone()[0]


def hinted():
    return search._ids("SELECT count(*) FROM pg_settings WHERE name = 'jit' AND setting = 'off'", [], hints="")


def test_a_search_leaves_the_planner_as_it_was_within_a_transaction():
    before = planner()
    assert hinted() == [1]
    assert planner() == before


@pytest.mark.django_db(transaction=True)
def test_a_search_leaves_the_planner_as_it_was_outside_a_transaction():
    before = planner()
    assert hinted() == [1]
    assert planner() == before


def test_lexemes_are_quoted():
    assert Term("a'\\", ("names",)).tsquery() == "('na''' & 'n''\\\\')"


def test_pairs_cover_the_word():
    for word, pairs in [
        ("云", ["云"]),
        ("云计", ["云计"]),
        ("云计算", ["云计", "计算"]),
        ("云计算机", ["云计", "算机"]),
    ]:
        assert Term(word, ("names",)).pairs == pairs


def test_the_centre_searches_drafts_too(admin_client):
    draft = EntryFactory(name="草稿云计算", status="draft")
    EntryFactory(name="别的")
    for url in [
        "/admin/achievements/catalogueentry/?q=计算 草稿",
        "/admin/achievements/catalogueentry/?q=" + "长 " * 999,
    ]:
        found = list(admin_client.get(url).context["cl"].result_list)
        assert found == ([draft] if "草稿" in url else []), url[:60]
