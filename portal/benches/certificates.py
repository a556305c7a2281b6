"""Certificates in a batch beside one at a time: the certificate half of `bench desk`."""

import secrets
import sys
import time
from datetime import date
from statistics import median

from conversion.certificate_proof import sign_certificate
from conversion.models import Certificate
from conversion.services.certificates import certificate_pdf_bytes, new_number, print_certificates
from demo.synthetic import synthetic_person


def batch_vs_single(*, count=100, rounds=3):
    """(ratio, figures): how many times as fast a print of `count` certificates sets each as one PDF per certificate.

    In turns, each round with certificates never seen before, so that typst can't remember a page. Unsaved rows with
    real content and signatures: what is measured is all that printing does after the query.
    """
    certificate_pdf_bytes(made_up(0))  # loads the fonts
    seconds = {"single": [], "batch": []}
    for number in range(rounds):
        ones, many = ([made_up(number * count + place) for place in range(count)] for _way in range(2))
        seconds["single"].append(seconds_of(lambda ones=ones: [certificate_pdf_bytes(row) for row in ones]))
        seconds["batch"].append(seconds_of(lambda many=many: print_certificates(many)))
        sys.stderr.write(f"{ {way: round(values[-1] / count * 1000, 1) for way, values in seconds.items()} }\n")
    ratio = median(one / many for one, many in zip(*seconds.values(), strict=True))
    milliseconds = {way: round(median(values) / count * 1000, 2) for way, values in seconds.items()}
    figures = {
        "certificates": count,
        "milliseconds_per_certificate": milliseconds,
        "certificates_per_second": {way: round(1000 / value, 1) for way, value in milliseconds.items()},
    }
    return round(ratio, 3), figures


def seconds_of(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def made_up(number):
    """A signed certificate of a made-up person, not stored."""
    certificate = Certificate(
        number=new_number(2026), token=secrets.token_urlsafe(16), content=content_of(synthetic_person(number))
    )
    sign_certificate(certificate)
    return certificate


def content_of(person):
    return {
        "name": person.name,
        "document_kind": "居民身份证",
        "masked_document": f"{person.number[:4]}**********{person.number[-4:]}",
        "issued_on": date(2026, 11, 23).isoformat(),
        "stages": [
            {"stage": "初审通过", "unit": "示例职业学院", "on": "2026-11-12"},
            {"stage": "终审通过", "unit": "学分银行管理中心", "on": "2026-11-20"},
        ],
        "rule": {
            "code": "gdlg00001-2020-0001",
            "title": "云计算平台运维与开发中级证书转示例职业学院2020级计算机网络技术专业云平台运维与开发技术",
            "version": 1,
            "outcome": "免修",
            "credits": "4.0",
            "score_policy": "按原成绩",
            "policy_basis": "",
        },
        "target": {
            "institution": "示例职业学院",
            "institution_code": "gdlg00001",
            "programme": "计算机网络技术",
            "cohort": "2020",
            "course_code": "GD0423",
            "course": "云平台运维与开发技术",
            "course_credits": "4.0",
            "course_nature": "专业课",
        },
        "sources": [
            {
                "id": 1,
                "entry_id": 1,
                "name": "云计算平台运维与开发职业技能等级证书(中级)",
                "type": "培训类",
                "level": "第四级",
                "body_name": "示例科技集团有限公司",
                "body_code": "xfyh00001",
                "certificate_number": "20210044000001",
                "obtained_on": "2021-12-14",
                "score": "86.5",
                "extra": {},
            }
        ],
    }
