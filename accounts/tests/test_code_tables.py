import datetime as dt
import re

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from accounts.code_tables import (
    COUNTRIES,
    ETHNIC_GROUPS,
    RegionRow,
    Sex,
    countries,
    country_code,
    country_table,
    ethnic_group_code,
    ethnic_groups,
    region_rows,
    sex_code,
)
from accounts.management.commands import load_regions
from accounts.models import Region
from accounts.phones import PhoneNumberError, mask_phone, normalise_phone
from demo.synthetic import PHONES, synthetic_phone

ROWS = {row.code: row for row in region_rows()}


def chain(code):
    names = []
    while code:
        names.insert(0, ROWS[code].name)
        code = ROWS[code].parent
    return names


def test_the_loaders_read_their_file_once():
    assert ethnic_groups() is ETHNIC_GROUPS
    assert countries() is COUNTRIES
    assert region_rows() is region_rows()


def test_sex_has_the_four_codes_of_the_standard():
    assert Sex.values == ["0", "1", "2", "9"]
    assert [sex_code(text) for text in ("男", " 女性", "1", "9", "M", "")] == ["1", "2", "1", "9", None, None]


def test_ethnic_groups_are_56_and_the_two_of_practice():
    codes = [code for code, _ in ETHNIC_GROUPS]

    assert codes == [f"{number:02}" for number in range(1, 57)] + ["97", "98"]
    assert len({name for _, name in ETHNIC_GROUPS}) == 58
    assert dict(ETHNIC_GROUPS)["56"] == "基诺族"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("汉族", "01"),
        ("汉", "01"),
        ("1", "01"),
        ("01", "01"),
        (" 壮 族", "08"),
        ("其他", "97"),
        ("00", None),
        ("", None),
    ],
)
def test_a_roster_cell_names_an_ethnic_group(text, code):
    assert ethnic_group_code(text) == code


def test_countries_are_complete_and_unambiguous():
    table = country_table()
    names = [name for country in table for name in (country.name, *country.also)]

    assert len(table) == 249
    for field in ("alpha2", "alpha3", "numeric", "name"):
        assert len({getattr(country, field) for country in table}) == 249
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[\u4e00-\u9fff（）]+", name) for name in names)


def test_countries_are_named_and_ordered_as_the_mainland_does():
    assert COUNTRIES[:4] == (("CN", "中国"), ("HK", "中国香港"), ("MO", "中国澳门"), ("TW", "中国台湾"))
    names = dict(COUNTRIES)
    assert (names["NP"], names["BW"], names["WS"], names["MK"]) == ("尼泊尔", "博茨瓦纳", "萨摩亚", "北马其顿")
    assert [name for _, name in COUNTRIES[4:]].index("埃及") < 20


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("中国", "CN"),
        ("中华人民共和国", "CN"),
        ("chn", "CN"),
        ("156", "CN"),
        ("004", "AF"),
        ("香港", "HK"),
        ("阿联酋", "AE"),
        ("火星", None),
        ("", None),
    ],
)
def test_a_roster_cell_names_a_country(text, code):
    assert country_code(text) == code


def test_every_region_hangs_in_a_chain_of_levels():
    for row in region_rows():
        assert re.fullmatch("[1-9][0-9]{5}", row.code)
        assert row.name == row.name.strip() != ""
        assert (row.parent is None) == (row.level == 1)
        assert row.parent is None or ROWS[row.parent].level == row.level - 1
    assert len(ROWS) == len(region_rows())
    assert [row.level for row in region_rows()] == sorted(row.level for row in region_rows())


def test_there_are_34_provinces_and_21_cities_in_guangdong():
    assert sum(row.level == 1 for row in region_rows()) == 34
    assert sum(row.parent == "440000" for row in region_rows()) == 21


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("440106", ["广东省", "广州市", "天河区"]),
        ("110101", ["北京市", "北京市", "东城区"]),
        ("500229", ["重庆市", "重庆市", "城口县"]),
        ("441900", ["广东省", "东莞市"]),
        ("442000", ["广东省", "中山市"]),
        ("460400", ["海南省", "儋州市"]),
        ("620200", ["甘肃省", "嘉峪关市"]),
        ("429004", ["湖北省", "仙桃市"]),
        ("469021", ["海南省", "定安县"]),
        ("659001", ["新疆维吾尔自治区", "石河子市"]),
        ("810000", ["香港特别行政区"]),
        ("710000", ["台湾省"]),
        ("232761", ["黑龙江省", "大兴安岭地区", "加格达奇区"]),
    ],
)
def test_a_place_is_reached_through_the_selects(code, names):
    assert chain(code) == names


def test_statistical_groups_and_zones_are_no_regions():
    assert not [row.code for row in region_rows() if row.level == 3 and row.code[4] == "7"]
    assert not [row.name for row in region_rows() if "直辖" in row.name or row.name in {"市辖区", "县"}]


# Loading the regions


@pytest.fixture
def load(capsys):
    def run():
        call_command("load_regions")
        return capsys.readouterr().out.strip()

    return run


@pytest.fixture
def table(monkeypatch):
    def use(*rows):
        monkeypatch.setattr(load_regions, "region_rows", lambda: [RegionRow(*row, None, None) for row in rows])

    return use


GUANGDONG = ("440000", "广东省", None, 1)
GUANGZHOU = ("440100", "广州市", "440000", 2)
FANGCUN = ("440107", "芳村区", "440100", 3)


@pytest.mark.django_db
def test_the_real_table_loads_once_and_then_changes_nothing(load, django_assert_max_num_queries):
    total = len(region_rows())

    assert load() == f"Regions: {total} created, 0 updated, 0 unchanged, 0 closed."
    with django_assert_max_num_queries(6):
        assert load() == f"Regions: 0 created, 0 updated, {total} unchanged, 0 closed."
    assert Region.objects.get(code="440106").parent.parent.name == "广东省"


@pytest.mark.django_db
def test_a_vanished_code_is_closed_once_and_kept(load, table, time_machine):
    time_machine.move_to(dt.datetime(2026, 1, 2, 4, tzinfo=dt.UTC))
    table(GUANGDONG, GUANGZHOU, FANGCUN)
    load()
    table(GUANGDONG, ("440100", "羊城市", "440000", 2))

    assert load() == "Regions: 0 created, 1 updated, 1 unchanged, 1 closed."
    time_machine.move_to(dt.datetime(2027, 1, 2, 4, tzinfo=dt.UTC))
    assert load().endswith("0 closed.")
    assert Region.objects.get(code="440107").valid_to == dt.date(2026, 1, 2)
    assert Region.objects.get(code="440100").name == "羊城市"


@pytest.mark.django_db
def test_a_code_that_comes_back_is_opened_again(load, table):
    table(GUANGDONG, GUANGZHOU)
    load()
    table(GUANGDONG)
    load()
    table(GUANGDONG, GUANGZHOU)

    assert load() == "Regions: 0 created, 1 updated, 1 unchanged, 0 closed."
    assert Region.objects.get(code="440100").valid_to is None


# Phones


@pytest.mark.parametrize(
    "typed",
    [
        "13800001234",
        "+8613800001234",
        "+86 138-0000-1234",
        "008613800001234",
        "8613800001234",
        "１３８００００１２３４",
        "＋８６　138 0000 1234",
        "(+86) 138.0000.1234",
        "\u202d13800001234\u202c",
        "013800001234",
    ],
)
def test_a_mobile_number_has_one_stored_form(typed):
    assert normalise_phone(typed) == "+8613800001234"


@pytest.mark.parametrize(("typed", "stored"), [("+852 5123 4567", "+85251234567"), ("00853-66123456", "+85366123456")])
def test_mobiles_of_hong_kong_and_macau_are_accepted(typed, stored):
    assert normalise_phone(typed) == stored


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "required"),
        (" - ", "required"),
        ("1380000123", "invalid"),
        ("138000012345", "invalid"),
        ("12345678901", "invalid"),
        ("11000001234", "invalid"),
        ("15400001234", "invalid"),
        ("020-85551234", "not_mobile"),
        ("+85221234567", "not_mobile"),
        ("13800001234转5", "characters"),
        ("1380000123O", "characters"),
        ("1" * 5000, "characters"),
        ("+447911123456", "country"),
        ("+", "characters"),
        ("0", "invalid"),
        ("+999123456", "invalid"),
        ("13800001234\x00", "characters"),
    ],
)
def test_other_numbers_are_refused_with_the_reason(typed, code):
    with pytest.raises(PhoneNumberError) as caught:
        normalise_phone(typed)
    assert caught.value.code == code


@given(st.text(st.sampled_from("0123456789+-８６ ()转"), max_size=16))
def test_any_text_is_normalised_for_good_or_refused(typed):
    stored = normalised(typed)

    assert stored is None or (re.fullmatch(r"\+(86|852|853)[0-9]{8,11}", stored) and normalised(stored) == stored)


def normalised(typed):
    try:
        return normalise_phone(typed)
    except PhoneNumberError:
        return None


@given(st.integers(0, PHONES - 1))
def test_made_up_phones_are_valid(index):
    assert normalise_phone(synthetic_phone(index)) == f"+86{synthetic_phone(index)}"


def test_made_up_phones_end_somewhere():
    with pytest.raises(ValueError, match="20000"):
        synthetic_phone(PHONES)


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+8613800001234", "138****1234"),
        ("13800001234", "138****1234"),
        ("+85251234567", "+852 51****67"),
        ("12345", "*****"),
        ("", ""),
    ],
)
def test_mask_phone_hides_the_middle(phone, shown):
    assert mask_phone(phone) == shown
