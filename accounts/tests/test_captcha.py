"""The captcha: seen or heard, without scripts, and one solution for one action."""

import array
import io
import wave
from datetime import timedelta

import pytest
from captcha.models import CaptchaStore
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from accounts import captcha, captcha_audio
from accounts.captcha import CaptchaField
from accounts.captcha_audio import PAUSE, RATE, SPEED, VOICES, captcha_sound, clean_sound, spoken_digits
from accounts.models import VerificationCode
from accounts.tasks import sweep_sessions

NUMBER = "440106199001011235"


def sound_url(key):
    return reverse("accounts:captcha_audio", args=[key])


def samples_of(content):
    with wave.open(io.BytesIO(content)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, RATE)
        return array.array("h", sound.readframes(sound.getnframes()))


def spoken_parts(key):
    """Where each digit of the clean speech lies: [(first, last)…], by its silences."""
    chance = captcha_audio.random.Random(captcha_audio.keyed_digest("captcha-sound", key))
    speech = captcha_audio._speech(spoken_digits(key), chance)
    shortest = int(RATE * PAUSE[0] * 0.9)
    parts, quiet, start = [], 0, None
    for place, sample in enumerate(speech):
        quiet = quiet + 1 if sample == 0 else 0
        if sample and start is None:
            start = place
        if start is not None and quiet > shortest:
            parts.append((start, place - quiet))
            start = None
    return parts


def likeness(heard, digit):
    """How well the best of the voices, at the best of some speeds, fits what was heard."""
    best = 0.0
    for voice in VOICES:
        sound = clean_sound(voice, digit)
        step = max(SPEED[0], min(SPEED[1], len(sound) / len(heard)))
        template = [sound[min(int(place * step), len(sound) - 1)] for place in range(len(heard))]
        product = sum(a * b for a, b in zip(heard, template, strict=True))
        size = (sum(a * a for a in heard) * sum(b * b for b in template)) ** 0.5
        best = max(best, abs(product) / size)
    return best


@pytest.mark.django_db
class TestSound:
    def test_served_sound_speaks_the_digits_in_their_order(self, client):
        key = CaptchaStore.generate_key()
        answer = client.get(sound_url(key))
        assert (answer.status_code, answer["Content-Type"]) == (200, "audio/wav")
        heard = samples_of(answer.content)
        assert 5 * RATE < len(heard) < 12 * RATE
        parts = spoken_parts(key)
        assert len(parts) == 6
        decoded = ""
        for first, last in parts:
            part = heard[first : last + 1]
            decoded += max("0123456789", key=lambda digit: likeness(part, digit))
        assert decoded == spoken_digits(key)

    def test_two_challenges_with_the_same_digits_sound_different(self, monkeypatch):
        monkeypatch.setattr(captcha_audio, "spoken_digits", lambda key: "112233")
        first, second = samples_of(captcha_sound("one")), samples_of(captcha_sound("two"))
        equal = sum(a == b for a, b in zip(first, second, strict=False))
        assert equal < len(first) / 50

    def test_second_fetch_is_no_second_sample_of_the_noise(self, client):
        key = CaptchaStore.generate_key()
        assert client.get(sound_url(key)).content == client.get(sound_url(key)).content

    def test_digits_are_not_to_be_had_from_the_key_or_the_picture(self, settings):
        before = spoken_digits("somekey"), captcha_sound("somekey")
        settings.DIGEST_KEY = "another secret of the installation, long enough"
        assert spoken_digits("somekey") != before[0]
        assert captcha_sound("somekey") != before[1]

    def test_expired_used_and_unknown_challenges_have_no_sound(self, client):
        key = CaptchaStore.generate_key()
        CaptchaField._take(key)
        assert client.get(sound_url(key)).status_code == 404
        key = CaptchaStore.generate_key()
        CaptchaStore.objects.update(expiration=timezone.now() - timedelta(seconds=1))
        assert client.get(sound_url(key)).status_code == 404
        assert client.get(sound_url("nothing")).status_code == 404

    @pytest.mark.parametrize(
        ("asked", "status", "length"),
        [("bytes=0-1", 206, 2), ("bytes=44-", 206, None), ("bytes=9-3", 200, None), ("bytes=x-y", 200, None),
         ("bytes=999999999-", 200, None), ("lines=1-2", 200, None)],
    )  # fmt: skip
    def test_player_that_asks_for_a_range_gets_it(self, client, asked, status, length):
        key = CaptchaStore.generate_key()
        whole = client.get(sound_url(key)).content
        answer = client.get(sound_url(key), headers={"range": asked})
        assert answer.status_code == status
        if asked == "bytes=44-":
            assert answer.content == whole[44:]
            assert answer["Content-Range"] == f"bytes 44-{len(whole) - 1}/{len(whole)}"
        else:
            assert answer.content == (whole[:length] if length else whole)

    def test_forgotten_challenges_are_swept_away(self):
        stale, live = CaptchaStore.generate_key(), CaptchaStore.generate_key()
        CaptchaStore.objects.filter(hashkey=stale).update(expiration=timezone.now() - timedelta(seconds=1))
        sweep_sessions()
        assert CaptchaStore.objects.get().hashkey == live

    def test_codes_of_days_past_are_swept_away_with_their_phones(self):
        for phone, hours in [("+8613800000001", 25), ("+8613800000002", 1)]:
            past = timezone.now() - timedelta(hours=hours)
            VerificationCode.objects.create(purpose="reset", phone=phone, flow="f", digest="d", expires_at=past)
        sweep_sessions()
        assert VerificationCode.objects.get().phone == "+8613800000002"

    def test_one_address_can_not_make_us_mix_without_end(self, client, settings):
        settings.CAPTCHA_SOUNDS_PER_ADDRESS = [(2, 600)]
        key = CaptchaStore.generate_key()
        assert [client.get(sound_url(key)).status_code for _time in range(3)] == [200, 200, 429]
        assert client.get(sound_url(key), REMOTE_ADDR="192.0.2.9").status_code == 200


@pytest.mark.django_db
class TestSolving:
    def solve(self, answer, key=None):
        key = key or CaptchaStore.generate_key()
        return CaptchaField().clean([key, answer(key)])

    def test_listener_passes_with_the_digits_however_typed(self):
        assert self.solve(spoken_digits)
        assert self.solve(lambda key: " ".join(spoken_digits(key)))
        assert self.solve(lambda key: "".join(chr(ord(digit) + 0xFEE0) for digit in spoken_digits(key)))

    def test_picture_and_sound_are_one_solution_not_two(self):
        key = CaptchaStore.generate_key()
        letters = CaptchaStore.objects.get(hashkey=key).response
        self.solve(spoken_digits, key)
        with pytest.raises(ValidationError):
            self.solve(lambda key: letters, key)

    def test_wrong_digits_use_the_challenge_up(self):
        key = CaptchaStore.generate_key()
        with pytest.raises(ValidationError):
            self.solve(lambda key: f"{(int(spoken_digits(key)) + 1) % 10**6:06d}", key)
        with pytest.raises(ValidationError):
            self.solve(spoken_digits, key)

    def test_digits_of_another_challenge_open_nothing(self):
        other = CaptchaStore.generate_key()
        with pytest.raises(ValidationError):
            self.solve(lambda key: spoken_digits(other))

    def test_letters_are_not_drawn_from_the_generator_the_picture_seeds(self):
        drawn = set()
        for _time in range(20):
            captcha_audio.random.seed("a public key")
            drawn.add(captcha.letters_challenge())
        assert len(drawn) > 1
        assert all(set(letters) <= set(captcha.LETTERS) and len(letters) == 4 for _picture, letters in drawn)


@pytest.mark.django_db(transaction=True)
class TestOneSolutionOnce:
    def passed(self, in_parallel, answer):
        key = CaptchaStore.generate_key()
        typed = answer(key)
        results = in_parallel(lambda: CaptchaField().clean([key, typed]), times=10)
        return sum(not isinstance(result, ValidationError) for result in results)

    @pytest.mark.parametrize("way", ["seen", "heard"])
    def test_ten_posts_of_one_solution_at_once_pass_once(self, in_parallel, way):
        answer = spoken_digits if way == "heard" else lambda key: CaptchaStore.objects.get(hashkey=key).response
        assert self.passed(in_parallel, answer) == 1

    def test_ten_posts_all_pass_with_the_packaged_read_then_delete(self, in_parallel, meeting, monkeypatch):
        """Positive control: how django-simple-captcha takes a challenge."""
        meet = meeting(10)

        def read_then_delete(key):
            store = CaptchaStore.objects.filter(hashkey=key).first()
            meet()
            store.delete()
            return store.response

        monkeypatch.setattr(CaptchaField, "_take", staticmethod(read_then_delete))
        assert self.passed(in_parallel, spoken_digits) == 10


@pytest.mark.django_db
class TestWidget:
    def test_visitor_activates_by_ear_without_scripts(self, client):
        url = reverse("accounts:activate")
        page = client.get(url)
        key = page.context["form"]["captcha"].field.widget._key
        assert f'src="{sound_url(key)}"' in page.content.decode()
        answer = client.post(url, {"document_number": NUMBER, "captcha_0": key, "captcha_1": spoken_digits(key)})
        assert answer.url == reverse("accounts:activate_identity")

    def test_another_picture_without_scripts_keeps_what_was_typed(self, client):
        url = reverse("accounts:activate")
        data = {"document_number": NUMBER, "captcha_0": "x", "captcha_1": "", "action": "refresh"}
        page = client.post(url, data).content.decode()
        assert f'value="{NUMBER}"' in page
        assert "is-invalid" not in page

    def test_script_gets_picture_and_sound_of_one_new_challenge(self, client):
        told = client.get(reverse("accounts:captcha_refresh")).json()
        assert CaptchaStore.objects.get().hashkey == told["key"]
        assert client.get(told["image_url"]).status_code == 200
        assert client.get(told["audio_url"]).status_code == 200


@pytest.mark.django_db(transaction=True)
class TestInTheBrowser:
    def open_widget(self, page):
        page.goto(reverse("accounts:activate"))
        page.locator("input[name=captcha_1]").focus()
        page.keyboard.press("Tab")  # 换一张
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_label("语音验证码", exact=True).wait_for(state="visible")

    def test_keyboard_reaches_the_sound_and_the_csp_lets_it_load(self, browser_page):
        self.open_widget(browser_page)
        seconds = browser_page.locator("audio").evaluate(
            "audio => new Promise(done => { audio.onloadedmetadata = () => done(audio.duration); audio.load(); })"
        )
        assert seconds > 5

    def test_another_picture_brings_another_sound(self, browser_page):
        self.open_widget(browser_page)
        before = browser_page.locator("audio").get_attribute("src")
        browser_page.get_by_role("button", name="换一张").click()
        browser_page.wait_for_function(
            "before => document.querySelector('audio').getAttribute('src') != before", arg=before
        )
        key = browser_page.locator("input[name=captcha_0]").input_value()
        assert browser_page.locator("audio").get_attribute("src") == sound_url(key)
        assert browser_page.get_by_role("link", name="下载语音").get_attribute("href") == sound_url(key)

    @pytest.mark.parametrize("javascript", [True, False])
    def test_widget_is_accessible(self, new_page, axe_violations, javascript):
        page = new_page(width=390, bypass_csp=True, javascript=javascript)
        if javascript:
            self.open_widget(page)
            assert axe_violations(page) == []
        else:
            page.goto(reverse("accounts:activate"))
            page.locator("summary", has_text="听语音验证码").click()
            assert page.locator("audio").is_visible()
            page.locator("input[name=document_number]").fill(NUMBER)
            page.get_by_role("button", name="换一张").click()
            assert page.locator("input[name=document_number]").input_value() == NUMBER
