"""Write the example files of achievements beside this one: `python -m demo.make_achievement_import`.

Their people are those of roster.csv, which has to be imported first. Everybody is made up.
"""

from demo.make_roster import FIRST, FOLDER, write_csv
from demo.synthetic import synthetic_people

HEADERS = [
    *("姓名*", "证件类型*", "证件号码*", "成果分类", "成果名称", "颁发机构", "颁发机构代码", "证书编号", "取得时间*"),
    *("成绩", "学时", "学历层次", "学习形式", "所属赛事", "级别", "奖项", "名次"),
]
SCHOOL = "广东理工职业学院"
# type, name, body, body's code, number, date, then the rest by heading; {n} is the person's place in the file
MOOC = "中国大学MOOC平台云计算技术与应用课程"
PRIZE = {"所属赛事": "2023年省级职业技能大赛", "级别": "省级", "奖项": "二等奖", "名次": "3"}
ACHIEVEMENTS = (
    ("课程", "计算机网络基础", "", "", "KC2023-{n:03d}", "2023-07-05", {"成绩": "86", "学时": "64"}),
    ("课程", MOOC, "成果试点机构", "xfyh00001", "MOOC-{n:03d}", "2024-01-10", {"成绩": "91.5"}),
    ("职业资格证书", "全国计算机等级考试一级证书", "教育部考试中心", "jybk00001", "NCRE-{n:03d}", "2023-09-20", {}),
    ("培训类", "校园急救员培训", SCHOOL, "gdlg00001", "PX2024-{n:03d}", "2024/4/12", {"学时": "16"}),
    (
        "毕业证书",
        "计算机网络技术",
        "",
        "",
        "BY2024-{n:03d}",
        "2024年6月30日",
        {"学历层次": "专科", "学习形式": "成人教育"},
    ),
    ("业绩类-竞赛奖励", "省级职业技能大赛", "示例竞赛组委会", "", "", "2023-11-18", PRIZE),
)


def rows(people=20):
    found = []
    for place, person in enumerate(synthetic_people(people, start=FIRST)):
        for kind, name, body, code, number, obtained_on, rest in (ACHIEVEMENTS[place % 6], ACHIEVEMENTS[0]):
            cells = [person.name, "居民身份证", person.number, kind, name, body, code]
            cells += [number.format(n=place + 1), obtained_on, *(rest.get(heading, "") for heading in HEADERS[9:])]
            if cells not in found:
                found.append(cells)
    return found


def spoilt_rows():
    """Nine rows, seven of them with what clerks get wrong."""
    found = rows(6)[:9]
    found[1][2] = synthetic_people(1, start=FIRST + 500)[0].number  # nobody of the roster
    found[2][0] = "某某"
    found[3][3] = "荣誉证书"
    found[4][8] = "2999-01-01"
    found[5][7] = ""
    found[6][11] = "专科"
    found[8] = list(found[0])
    return found


if __name__ == "__main__":
    write_csv(FOLDER / "achievements.csv", rows(), HEADERS)
    write_csv(FOLDER / "achievements_with_errors.csv", spoilt_rows(), HEADERS)
