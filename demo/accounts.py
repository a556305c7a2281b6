"""The demonstration's accounts: who they are and what to try with them."""

from dataclasses import dataclass, field

PASSWORD = "Xuefen#2026"  # noqa: S105 (demonstration only; load_demo refuses in production)


@dataclass(frozen=True)
class Account:
    """One account; `person` is the index of its made-up person, `institution` a key of institutions.csv."""

    username: str
    person: int
    role: str
    to_try: str
    where: str = "/accounts/sign-in/"
    groups: tuple[str, ...] = ()
    institution: str = ""
    options: dict = field(default_factory=dict)


LEARNERS = (
    Account(
        "xiaofang",
        1,
        "学习者",
        "19项成果，成果添加里有三份草稿：办理动态和成果清单、修改成果、转换成果申请(CET四级可转换617条)、进度查询、打印转换证明",
    ),
    Account("xiaoxin", 2, "学习者(新)", "还没有成果：从成果添加开始，可以保存草稿"),
    Account("xiaochu", 3, "学习者", "一件转换申请正在等待初审：进度查询、撤回", options={"is_verified": True}),
    Account("xiaozhong", 4, "学习者", "一件转换申请初审已通过，等待终审；全国计算机等级考试一级更正过证书编号"),
    Account("xiaotong", 5, "学习者", "转换已通过：打印和分享转换证明、学分对账单，再到首页验证编号"),
    Account("xiaobo", 6, "学习者", "转换未通过：收件箱里有原因，可以申诉；另一件通过后被撤销：对账单有授予和冲销"),
)
ADMIN = "/admin/"
STAFF = (
    Account(
        "chushen1",
        11,
        "初审员",
        "广东理工职业学院的初审：待我审核、领取、批量通过，须填审核指标的一件(中国传统文化)",
        ADMIN,
        ("初审员",),
        "gdpt",
    ),
    Account("chushen2", 12, "初审员", "同一学院的另一位初审员", ADMIN, ("初审员",), "gdpt"),
    Account("zhongshen1", 13, "终审员", "管理中心：转换终审、成果认定", ADMIN, ("初审员", "终审员")),
    Account("zhongshen2", 14, "终审员", "管理中心的另一位审核员(两级审核不能是同一人)", ADMIN, ("初审员", "终审员")),
    Account(
        "shensu1",
        19,
        "申诉裁决员",
        "管理中心：裁决申诉(先用 xiaobo 提出)，撤销已通过的申请(审核申请里选已通过)",
        ADMIN,
        ("申诉裁决员",),
    ),
    Account(
        "guanli1",
        15,
        "运营管理员",
        "名录(批准机构起草的成果、导入导出)、规则、文章、解答提问、审核机构",
        ADMIN,
        ("运营管理员",),
    ),
    Account("guanli2", 16, "运营管理员", "发布别人起草的规则版本(起草人不能自己发布)", ADMIN, ("运营管理员",)),
    Account(
        "guize1",
        20,
        "机构规则管理员",
        "广东理工职业学院的规则:起草、例子、版本比较、复制到下一年级、导入导出",
        ADMIN,
        ("机构规则管理员",),
        "gdpt",
    ),
    Account(
        "guize2", 21, "机构规则管理员", "同一学院的另一位:发布 guize1 起草的版本", ADMIN, ("机构规则管理员",), "gdpt"
    ),
    Account("admin", 17, "超级管理员", "全部后台功能", ADMIN, options={"is_superuser": True}),
)
INSTITUTIONS = (
    Account(
        "jigou", 18, "机构账号", "以“机构”身份登录：名册导入、成果导入、本机构名录成果(待审核、被退回)",
        institution="gdpt",
    ),
)  # fmt: skip
ACCOUNTS = LEARNERS + STAFF + INSTITUTIONS
MARKER = ACCOUNTS[-1].username  # the account made last
