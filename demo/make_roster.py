"""Write the example rosters beside this file: `python -m demo.make_roster`. Everybody in them is made up."""

import csv
from pathlib import Path

import xlsxwriter

from demo.synthetic import synthetic_people

HEADERS = [
    *("姓名*", "证件类型*", "证件号码*", "性别", "出生日期", "民族", "国籍", "手机号码", "电子邮箱"),
    *("行政区划代码", "详细地址", "学号", "年级", "层次", "学习形式", "专业代码", "专业名称", "学籍状态"),
]
PLACES = (("440106", "中山大道西293号"), ("440605", "桂城街道南海大道12号"), ("441302", "河南岸演达一路8号"))
PROGRAMMES = (("510202", "计算机网络技术"), ("530302", "大数据与会计"), ("570202", "商务英语"))
FOLDER = Path(__file__).parent
FIRST, COUNT = 3000, 40  # behind the people whom load_demo uses


def rows():
    return [_row(place, person) for place, person in enumerate(synthetic_people(COUNT, start=FIRST))]


def _row(place, person):
    region, address = PLACES[place % len(PLACES)]
    code, programme = PROGRAMMES[place % len(PROGRAMMES)]
    cohort = 2020 + place % 4
    return [
        person.name,
        "居民身份证",
        person.number,
        "男" if person.sex == "1" else "女",
        person.birth_on.isoformat(),
        "维吾尔族" if "·" in person.name else "汉族",
        "中国",
        person.phone,
        f"student{place + 1:02d}@example.com",
        region,
        address,
        f"{cohort}{code}{place + 1:03d}",
        f"{cohort}级",
        "专科",
        "业余" if place % 2 else "函授",
        code,
        programme,
        "在籍",
    ]


def spoilt_rows():
    """Twelve rows, eight of them with what clerks get wrong, one of them in two columns."""
    found = rows()[:12]
    found[1][2] = found[1][2][:17] + ("1" if found[1][2][17] != "1" else "2")
    found[2][1] = "学生证"
    found[3][4] = "1990-02-30"
    found[4][7] = "1990000"
    found[5][0] = ""
    found[6][3] = "女" if found[6][3] == "男" else "男"
    found[6][9] = "999999"
    found[7] = list(found[0])
    found[8][8] = "=cmd|' /C calc'!A0"
    return found


def write_csv(path, rows, headers=HEADERS):
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([headers, *rows])


def write_xlsx(path, rows):
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("名册")
        text = book.add_format({"num_format": "@"})
        sheet.set_column(0, len(HEADERS) - 1, 18, text)
        for line, row in enumerate([HEADERS, *rows]):
            for column, cell in enumerate(row):
                sheet.write_string(line, column, cell, text)


if __name__ == "__main__":
    write_csv(FOLDER / "roster.csv", rows())
    write_xlsx(FOLDER / "roster.xlsx", rows())
    write_csv(FOLDER / "roster_with_errors.csv", spoilt_rows())
