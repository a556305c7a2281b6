import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_2

from accounts.code_tables import Sex
from accounts.documents import (
    DocumentKind,
    DocumentNumberError,
    PersonNameError,
    UsccError,
    comparison_name,
    infer_kind,
    kind_from_label,
    mask,
    normalise,
    normalise_name,
    parse,
    parse_uscc,
    same_name,
)
from demo.synthetic import synthetic_people, synthetic_resident_id

TODAY = dt.date(2026, 11, 23)
RESIDENT = "440106199001011235"
TYPED = st.text(st.sampled_from("0123456789Xx０９ｘＸ -－—‑\u3000\u200b\u202d\t张字第·²"), max_size=30)


def citizen(prefix, birth, serial="123"):
    body = prefix + birth + serial
    return body + mod_11_2.calc_check_digit(body)


def refusal(kind, number):
    with pytest.raises(DocumentNumberError) as caught:
        parse(kind, number, today=TODAY)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "number", "birth_on", "sex"),
    [
        ("resident_id", RESIDENT, dt.date(1990, 1, 1), Sex.MALE),
        ("resident_id", "11010519491231002X", dt.date(1949, 12, 31), Sex.FEMALE),
        ("residence_permit", "810000199001010019", dt.date(1990, 1, 1), Sex.MALE),
        ("residence_permit", "830000198511200022", dt.date(1985, 11, 20), Sex.FEMALE),
        ("foreign_permanent", citizen("911124", "19810303", "002"), dt.date(1981, 3, 3), Sex.FEMALE),
        ("foreign_permanent", "CAN110108123456", None, None),
        ("mainland_travel_permit", "H12345678", None, None),
        ("mainland_travel_permit", "M1234567801", None, None),
        ("taiwan_travel_permit", "01234567", None, None),
        ("taiwan_travel_permit", "0123456789B", None, None),
        ("passport", "E12345678", None, None),
        ("other", "军字第1234567号", None, None),
    ],
)
def test_parse_reads_what_a_right_number_tells(kind, number, birth_on, sex):
    document = parse(kind, number, today=TODAY)

    assert (document.kind, document.number, document.birth_on, document.sex) == (kind, number, birth_on, sex)
    assert infer_kind(number) == kind


@pytest.mark.parametrize(
    "typed",
    [
        "４４０１０６１９９００１０１１２３５",
        " 440106 19900101 1235\n",
        "440106-19900101－1235",
        "\u202d440106199001011235\u202c",
        "\ufeff440106199001011235\t",
        "440106—1990\u30000101—1235",
    ],
)
def test_a_number_is_read_however_it_was_typed(typed):
    assert parse("resident_id", typed, today=TODAY).number == RESIDENT


@pytest.mark.parametrize("typed", ["11010519491231002x", "11010519491231002ｘ", "11010519491231002Ｘ"])
def test_the_check_letter_is_stored_upper_case(typed):
    assert parse("resident_id", typed, today=TODAY).number == "11010519491231002X"


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        ("resident_id", "", "required"),
        ("resident_id", " \u3000-", "required"),
        ("resident_id", "44010619900101123", "length"),
        ("resident_id", "4401061990010112355", "length"),
        ("resident_id", "440106900101123", "legacy"),
        ("resident_id", "440106199001011234", "checksum"),
        ("resident_id", "44010619900101X235", "characters"),
        ("resident_id", "４４０１０６１９９００１０１１２３Ａ", "characters"),
        ("resident_id", "٤٤٠١٠٦١٩٩٠٠١٠١١٢٣٥", "characters"),
        ("resident_id", citizen("440106", "19900230"), "birth"),
        ("resident_id", citizen("440106", "19901301"), "birth"),
        ("resident_id", citizen("440106", "00000101"), "birth"),
        ("resident_id", citizen("440106", "20261124"), "birth"),
        ("resident_id", citizen("440106", "20990101"), "birth"),
        ("resident_id", citizen("440106", "18751231"), "birth"),
        ("resident_id", citizen("990106", "19900101"), "kind"),
        ("resident_id", citizen("180106", "19900101"), "region"),
        ("resident_id", "810000199001010019", "kind"),
        ("residence_permit", RESIDENT, "kind"),
        ("residence_permit", citizen("810001", "19900101"), "kind"),
        ("foreign_permanent", RESIDENT, "kind"),
        ("foreign_permanent", "CA0110108123456", "length"),
        ("mainland_travel_permit", "A12345678", "format"),
        ("mainland_travel_permit", "H1234567", "format"),
        ("taiwan_travel_permit", "1234567", "format"),
        ("passport", "E123", "format"),
        ("passport", "护照12345", "format"),
        ("passport", RESIDENT, "format"),
        ("other", RESIDENT, "kind"),
        ("other", "810000199001010019", "kind"),
        ("other", "123", "format"),
    ],
)
def test_parse_refuses_with_the_reason(kind, number, code):
    assert refusal(kind, number).code == code


def test_birth_dates_on_the_edges_are_accepted():
    for birth in ("20261123", "18760101", "20000229"):
        assert parse("resident_id", citizen("440106", birth), today=TODAY).birth_on.strftime("%Y%m%d") == birth


def test_today_is_the_local_date_when_nobody_says_otherwise(settings, time_machine):
    settings.TIME_ZONE = "Asia/Shanghai"
    time_machine.move_to(dt.datetime(2026, 12, 31, 16, 30, tzinfo=dt.UTC))

    assert parse("resident_id", citizen("440106", "20270101")).birth_on == dt.date(2027, 1, 1)


@pytest.mark.parametrize("bad", ["\x00", "\x1b", "\ud800", "\ue000", "\uffff"])
def test_numbers_with_unstorable_characters_are_refused(bad):
    with pytest.raises(DocumentNumberError, match="无法识别"):
        normalise(f"E1234{bad}5678")


def test_a_number_has_at_most_32_characters_after_normalising():
    assert normalise(" 1" * 32) == "1" * 32
    with pytest.raises(DocumentNumberError, match="32位"):
        normalise("1" * 33)


@pytest.mark.parametrize("kind", ["resident_id", "residence_permit", "foreign_permanent", "taiwan_travel_permit"])
@pytest.mark.parametrize("number", ["4401061990010112", "440106199001011234", "440106900101123", "H123456789"])
def test_no_message_repeats_the_number(kind, number):
    assert number not in "".join(refusal(kind, number).messages)


def test_a_document_in_a_log_line_is_masked():
    assert RESIDENT not in repr(parse("resident_id", RESIDENT, today=TODAY))


def test_the_region_is_a_hint_only():
    assert parse("resident_id", RESIDENT, today=TODAY).region_hint == "440106"
    assert parse("residence_permit", "810000199001010019", today=TODAY).region_hint == ""
    abolished = citizen("440107", "19600101")  # 芳村区, closed in 2005
    assert parse("resident_id", abolished, today=TODAY).region_hint == "440107"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (RESIDENT, "4401**********1235"),
        ("1234567890123456", "1234********3456"),
        ("CAN110108123456", "CA***********56"),
        ("H12345678", "H1*****78"),
        ("12345678", "12****78"),
        ("1234567", "1*****7"),
        ("1234", "1**4"),
        ("123", "***"),
        ("", ""),
    ],
)
def test_mask_shows_a_few_characters_of_both_ends(number, shown):
    assert mask(number) == shown


@given(st.text(st.characters(exclude_characters="*"), max_size=40))
def test_mask_keeps_the_length_and_never_reveals_more_than_half(number):
    shown = mask(number)

    assert len(shown) == len(number)
    assert len(number) - shown.count("*") <= min(len(number) / 2, 8)


@given(TYPED)
def test_normalise_is_idempotent_and_leaves_no_separator(typed):
    number = normalise(typed)

    assert normalise(number) == number
    assert not set(number) & set(" -－—‑\u3000\u200b\u202d\tx０９ｘＸ")


def parsed(kind, text):
    try:
        return parse(kind, text, today=TODAY)
    except DocumentNumberError:
        return None


@given(st.sampled_from(DocumentKind), st.text(max_size=40) | TYPED)
def test_any_text_is_parsed_for_good_or_refused(kind, text):
    document = parsed(kind, text)

    assert document is None or parsed(kind, document.number) == document


@given(st.dates(dt.date(1900, 1, 1), TODAY), st.integers(0, 999), st.sampled_from(["440106", "650102", "542521"]))
def test_synthetic_ids_always_parse(birth_on, serial, region):
    document = parse("resident_id", synthetic_resident_id(region, birth_on, serial), today=TODAY)

    assert document.birth_on == birth_on
    assert document.sex == (Sex.MALE if serial % 2 else Sex.FEMALE)


@given(st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_never_passes(position, shift):
    digits = list(RESIDENT)
    digits[position] = str((int(digits[position]) + shift) % 10)

    assert refusal("resident_id", "".join(digits)).code == "checksum"


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("440106199001011234", "resident_id"),
        ("44010619900101123", "resident_id"),
        ("440106900101123", "resident_id"),
        ("940106900101123", "resident_id"),
        ("440106 1990 0101 1235", "resident_id"),
        ("820000199001010015", "residence_permit"),
        ("h12345678", "mainland_travel_permit"),
        ("EA1234567", "passport"),
        ("士字第123号", "other"),
        ("12", "other"),
        ("", "other"),
    ],
)
def test_infer_kind_guesses_from_the_number_alone(number, kind):
    assert infer_kind(number) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("居民身份证", "resident_id"),
        (" 身份证 ", "resident_id"),
        ("Resident_ID", "resident_id"),
        ("港澳台居民居住证", "residence_permit"),
        ("港澳居民来往内地通行证（非中国籍）", "mainland_travel_permit"),
        ("护照", "passport"),
        ("学生证", None),
        ("", None),
    ],
)
def test_a_roster_cell_names_a_kind(text, kind):
    assert kind_from_label(text) == kind


# Institution codes: three public ones


@pytest.mark.parametrize("code", ["91110000600037341L", "12100000400000624D", "9144030071526726XG"])
def test_a_right_uscc_is_stored_compact_and_upper_case(code):
    assert parse_uscc(f" {code[:8]} {code[8:].lower()}－") == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "length"),
        ("9111000060003734L", "length"),
        ("91110000600037341M", "checksum"),
        ("91110000600037314L", "checksum"),
        ("911100006OOO37341L", "letters"),
        ("9111000A600037341L", "format"),
        ("91110000600037341信", "format"),
    ],
)
def test_parse_uscc_refuses_with_the_reason(text, code):
    with pytest.raises(UsccError) as caught:
        parse_uscc(text)
    assert caught.value.code == code


def test_a_registrar_may_be_a_letter():
    body = "N2440100MF1234567"
    assert parse_uscc(body + uscc.calc_check_digit(body)).startswith("N2")


# Names


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("张 三", "张三"),
        ("\u3000欧阳 \u3000玥\n", "欧阳玥"),
        ("阿依古丽·艾山", "阿依古丽·艾山"),
        ("阿依古丽 • 艾山", "阿依古丽·艾山"),
        ("阿依古丽・艾山", "阿依古丽·艾山"),
        ("阿依古丽‧艾山", "阿依古丽·艾山"),
        ("阿依古丽∙艾山", "阿依古丽·艾山"),
        ("阿依古丽．艾山", "阿依古丽·艾山"),
        ("阿依古丽. 艾山", "阿依古丽·艾山"),
        ("阿依古丽··艾山", "阿依古丽·艾山"),
        ("·张三·", "张三"),
        ("Ｊｏｈｎ　Ｓｍｉｔｈ", "John Smith"),
        ("J.  R. Smith-Jones", "J. R. Smith-Jones"),
        ("Jose\u0301", "José"),
        ("张\u200b三\ufeff", "张三"),
        ("⻢云⻰⾼", "马云龙高"),
        ("陈𬭎", "陈𬭎"),
        ("㛃堃喆祎", "㛃堃喆祎"),
        ("李\U000312a0", "李\U000312a0"),
        ("郎\uf92c", "郎\uf92c"),
        ("", ""),
    ],
)
def test_normalise_name_gives_the_stored_form(typed, stored):
    assert normalise_name(typed) == stored


@pytest.mark.parametrize("bad", ["张\x00三", "张\x1b三", "张\ud867", "张?", "张？三", "张□", "〓三"])
def test_a_name_with_controls_or_wreckage_is_refused(bad):
    with pytest.raises(PersonNameError):
        normalise_name(bad)


@given(st.text(st.sampled_from("张三玥𬭎\uf92cAéＡ .·•・．\u0301\u3000\u200b\t-'⻢"), max_size=12))
def test_normalise_name_is_idempotent(typed):
    assert normalise_name(normalise_name(typed)) == normalise_name(typed)


@given(st.text(max_size=12))
def test_same_name_never_fails_and_knows_the_stored_form(name):
    try:
        stored = normalise_name(name)
    except PersonNameError:
        assert same_name(name, "张三") is False
    else:
        assert comparison_name(stored) == comparison_name(name)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("张三", "张 三"),
        ("阿依古丽·艾山", "阿依古丽.艾山"),
        ("阿依古丽·艾山", "阿依古丽艾山"),
        ("John Smith", "JOHN  SMITH"),
        ("José", "JOSE"),
        ("O’Neil", "O'NEIL"),
        ("龙\uf92c", "龙郎"),
        ("⻢三", "马三"),
    ],
)
def test_spellings_of_one_name_are_the_same(a, b):
    assert same_name(a, b)
    assert same_name(b, a)


@pytest.mark.parametrize(("a", "b"), [("张三", "张四"), ("陈𬭎", "陈"), ("张玥", "张月"), ("", ""), ("·", " ")])
def test_other_names_are_not(a, b):
    assert not same_name(a, b)


# Made-up people


@pytest.mark.parametrize("start", [0, 15_900])
def test_made_up_people_pass_every_check_and_are_told_apart(start):
    people = synthetic_people(300, start)

    for person in people:
        document = parse("resident_id", person.number, today=TODAY)
        assert (document.birth_on, document.sex) == (person.birth_on, person.sex)
        assert document.region_hint.endswith("00")  # a city's code, under which no card is issued
        assert normalise_name(person.name) == person.name
    assert len({person.number for person in people}) == 300
    assert people == synthetic_people(300, start)


def test_made_up_people_stay_apart_when_birth_dates_repeat():
    numbers = {person.number for start in (0, 16_000, 48_000) for person in synthetic_people(100, start)}

    assert len(numbers) == 300


def test_made_up_people_have_rare_names_and_middle_dots():
    names = "".join(person.name for person in synthetic_people(100))

    assert set("玥喆堃𬭎·") <= set(names)


def test_a_serial_has_three_digits():
    with pytest.raises(ValueError, match="three digits"):
        synthetic_resident_id("440106", dt.date(1990, 1, 1), 1000)
