"""Made-up people for demonstrations and tests.

Numbers are valid by every check of the portal, yet nobody's: the document numbers carry the code of a whole city
(440100), under which no identity card is issued, unless a caller asks for another region. China sets no phone
numbers aside for fiction; 1990000xxxx and 1380000xxxx are the conventional fakes, so nothing may ever be sent to
them (the development gateway only prints).
"""

import datetime as dt
from dataclasses import dataclass

from stdnum.iso7064 import mod_11_2

REGIONS = ("440100", "440200", "440300", "440400", "440500", "440600", "440700", "441200", "441300", "445100")
PHONE_PREFIXES = ("1990000", "1380000")
PHONES = 10_000 * len(PHONE_PREFIXES)
FIRST_BIRTH = dt.date(1962, 1, 1)
BIRTH_DAYS = 16_000  # up to October 2005
STRIDE = 7_919  # a prime, so that neighbours are not born on neighbouring days

SURNAMES = (*"陈李黄张林王吴刘梁杨郑何罗谢邓冼邝区麦仝", "欧阳", "司徒", "上官")
ONE = tuple("伟静玥喆堃祎昇𬭎㛃")
TWO = (
    "志明",
    "嘉怡",
    "子轩",
    "诗琪",
    "国华",
    "秀英",
    "晓彤",
    "家豪",
    "珺瑶",
    "浩然",
    "雨桐",
    "建国",
    "美玲",
    "俊杰",
    "婉仪",
)
GIVEN = ONE + TWO
DOTTED = ("阿依古丽·艾山", "买买提·吐尔逊", "古丽娜尔·哈力克", "扎西·多吉", "迪丽拜尔·玉素甫", "努尔兰·叶尔肯")
DOTTED_EVERY = 40


@dataclass(frozen=True)
class Person:
    """A made-up learner. `sex` is GB/T 2261.1, `phone` as people type it, or "" once the fakes are used up."""

    name: str
    number: str
    birth_on: dt.date
    sex: str
    phone: str


def synthetic_resident_id(region, birth_on, serial):
    """An 18-digit number that passes every check. `serial` 0-999, odd for men."""
    if not 0 <= serial <= 999:
        raise ValueError("serial must have three digits")
    body = f"{region}{birth_on:%Y%m%d}{serial:03d}"
    return body + mod_11_2.calc_check_digit(body)


def synthetic_phone(index):
    """The index-th fake mobile number, 0-19999."""
    if not 0 <= index < PHONES:
        raise ValueError(f"there are {PHONES} fake phone numbers")
    return f"{PHONE_PREFIXES[index // 10_000]}{index % 10_000:04d}"


def synthetic_name(index):
    """A plausible name; rare characters and middle dots come up among the first few dozen."""
    if index % DOTTED_EVERY == DOTTED_EVERY - 1:
        return DOTTED[index // DOTTED_EVERY % len(DOTTED)]
    return SURNAMES[index % len(SURNAMES)] + GIVEN[index * 5 % len(GIVEN)]


def synthetic_person(index):
    """The index-th person, always the same one. Document numbers are unique below 8,000,000."""
    birth_on = FIRST_BIRTH + dt.timedelta(days=index * STRIDE % BIRTH_DAYS)
    male = index * 31 // 7 % 2 == 1
    number = synthetic_resident_id(REGIONS[index % len(REGIONS)], birth_on, index // BIRTH_DAYS * 2 % 1000 + male)
    phone = synthetic_phone(index) if index < PHONES else ""
    return Person(synthetic_name(index), number, birth_on, "1" if male else "2", phone)


def synthetic_people(count, start=0):
    return [synthetic_person(index) for index in range(start, start + count)]
