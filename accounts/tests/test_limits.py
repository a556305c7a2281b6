from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import RateLimit, VerificationCode
from accounts.services import codes
from messaging.models import SmsMessage

PHONE = "+8613800000001"
ADDRESS = "192.0.2.1"
REGISTER = VerificationCode.Purpose.REGISTER


def send(phone=PHONE, address=ADDRESS, document="", flow="flow"):
    codes.send_code(purpose=REGISTER, phone=phone, flow=flow, address=address, document=document)
    return sent_code()


def sent_code():
    return SmsMessage.objects.first().text.split("验证码 ")[1][:6]


def spend(code, phone=PHONE, flow="flow"):
    return codes.spend_code(purpose=REGISTER, phone=phone, flow=flow, code=code)


def let_pass(seconds):
    """Move every counted moment and every expiry into the past: tests can't move the database's clock."""
    past = timedelta(seconds=seconds)
    for limit in RateLimit.objects.all():
        RateLimit.objects.filter(pk=limit.pk).update(hits=[hit - past for hit in limit.hits])
    VerificationCode.objects.update(expires_at=F("expires_at") - past)


@pytest.mark.django_db
class TestCodes:
    def test_right_code_opens_once(self):
        code = send()
        assert spend(code)
        assert not spend(code)

    def test_code_is_stored_as_digest_only(self):
        code = send()
        row = VerificationCode.objects.get()
        assert code not in str(vars(row))

    def test_code_of_another_flow_or_phone_opens_nothing(self):
        code = send()
        assert not spend(code, flow="other")
        assert not spend(code, phone="+8613800000002")

    def test_code_lives_ten_minutes_by_the_databases_clock(self):
        code = send()
        let_pass(601)
        assert not spend(code)

    def test_code_still_opens_shortly_before_ten_minutes(self):
        code = send()
        let_pass(590)
        assert spend(code)

    def test_resend_voids_the_old_code(self):
        old = send()
        let_pass(61)
        new = send()
        assert old == new or not spend(old)
        assert spend(new)

    def test_fifth_wrong_guess_closes_the_code(self):
        code = send()
        wrong = f"{(int(code) + 1) % 10**6:06d}"
        for _guess in range(5):
            assert not spend(wrong)
        assert not spend(code)

    def test_person_has_twenty_wrong_guesses_a_day(self):
        for _round in range(4):
            code = send()
            for _guess in range(5):
                spend(f"{(int(code) + 1) % 10**6:06d}")
            let_pass(3700)
        assert not spend(send())


@pytest.mark.django_db
class TestLimits:
    def test_second_code_within_a_minute_is_refused_with_the_time_to_wait(self):
        send()
        with pytest.raises(codes.CodeRequestRefusedError) as refused:
            send()
        assert 55 <= refused.value.seconds <= 60
        assert SmsMessage.objects.count() == 1

    def test_phone_gets_five_an_hour_and_ten_a_day(self):
        sent = 0
        for _try in range(60):
            try:
                send()
                sent += 1
            except codes.CodeRequestRefusedError:
                pass
            let_pass(61)
        assert sent == 5
        for _hour in range(12):
            let_pass(3600)
            for _try in range(5):
                try:
                    send()
                    sent += 1
                except codes.CodeRequestRefusedError:
                    pass
                let_pass(61)
            if sent == 10:
                break
        assert sent == 10
        with pytest.raises(codes.CodeRequestRefusedError):
            send()

    def test_document_number_is_limited_whatever_the_phone(self):
        send(document="440106199001011235")
        with pytest.raises(codes.CodeRequestRefusedError):
            send(phone="+8613800000002", document="440106199001011235", flow="other")

    def test_refused_request_takes_no_place_of_another_limit(self):
        send(document="440106199001011235")
        with pytest.raises(codes.CodeRequestRefusedError):
            send(phone="+8613800000002", document="440106199001011235")
        send(phone="+8613800000002")

    def test_address_gets_sixty_in_ten_minutes(self, settings):
        settings.SMS_PER_ADDRESS = [(3, 600), (300, 3600)]
        for number in range(3):
            send(phone=f"+861380000001{number}")
        with pytest.raises(codes.CodeRequestRefusedError, match="当前网络"):
            send(phone="+8613800000019")

    def test_limits_hold_no_phone_number(self):
        send()
        assert PHONE not in str(list(RateLimit.objects.values()))


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_parallel_requests_send_one_code(self, in_parallel):
        results = in_parallel(send, times=20)
        assert SmsMessage.objects.count() == 1
        assert sum(isinstance(result, codes.CodeRequestRefusedError) for result in results) == 19

    def test_parallel_requests_without_the_limit_send_several(self, in_parallel, monkeypatch):
        """Positive control: with every place free the same twenty requests send more than one."""
        monkeypatch.setattr(RateLimit, "take", lambda *arguments: True)
        in_parallel(send, times=20)
        assert SmsMessage.objects.count() > 1

    def test_parallel_right_codes_open_once(self, in_parallel):
        code = send()
        assert sum(in_parallel(lambda: spend(code), times=5)) == 1

    def test_parallel_right_codes_all_open_with_read_then_write(self, in_parallel, meeting, monkeypatch):
        """Positive control: a code that is looked up before it is marked."""
        code, meet = send(), meeting(5)

        def check_code(self, code):
            live = VerificationCode.objects.get(pk=self.pk).used_at is None
            meet()
            return live and bool(VerificationCode.objects.filter(pk=self.pk).update(used_at=timezone.now()))

        monkeypatch.setattr(VerificationCode, "check_code", check_code)
        assert sum(in_parallel(lambda: spend(code), times=5)) == 5

    def test_parallel_wrong_guesses_are_evaluated_five_times(self, in_parallel, monkeypatch):
        code = send()
        compared = count_comparisons(monkeypatch)
        in_parallel(lambda: spend(f"{(int(code) + 1) % 10**6:06d}"), times=20)
        assert len(compared) == 5

    def test_parallel_wrong_guesses_with_read_then_write_are_evaluated_more_often(self, in_parallel, monkeypatch):
        """Positive control: a check that reads the attempts first and writes them later."""
        code = send()
        compared = count_comparisons(monkeypatch)
        monkeypatch.setattr(VerificationCode, "check_code", check_read_then_write)
        in_parallel(lambda: spend(f"{(int(code) + 1) % 10**6:06d}"), times=20)
        assert len(compared) > 5

    def test_parallel_takers_share_no_place(self, in_parallel):
        taken = in_parallel(lambda: RateLimit.take("subject", "value", [(7, 60)]), times=20)
        assert taken.count(True) == 7


def count_comparisons(monkeypatch):
    compared = []
    digest_of = VerificationCode.digest_of

    def counted(*arguments):
        compared.append(arguments)
        return digest_of(*arguments)

    monkeypatch.setattr(VerificationCode, "digest_of", staticmethod(counted))
    return compared


def check_read_then_write(self, code):
    if self.attempts_left <= 0:
        return False
    right = self.digest == self.digest_of(self.purpose, self.phone, self.flow, code)
    self.attempts_left -= 1
    self.save()
    return right


@pytest.mark.django_db
def test_given_back_place_is_free_again():
    assert RateLimit.take("subject", "value", [(1, 60)])
    assert not RateLimit.take("subject", "value", [(1, 60)])
    RateLimit.give_back("subject", "value")
    assert RateLimit.take("subject", "value", [(1, 60)])


@pytest.mark.django_db
def test_old_moments_are_dropped_from_the_row():
    RateLimit.take("subject", "value", [(5, 60)])
    RateLimit.objects.update(hits=[timezone.now() - timedelta(hours=2)])
    RateLimit.take("subject", "value", [(5, 60)])
    assert len(RateLimit.objects.get().hits) == 1
