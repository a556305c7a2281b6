"""The spoken captcha: six digits between other voices and noise, the same sound for the same challenge.

A second fetch must not help a robot to average the noise away, and browsers ask for the sound in ranges; so
everything random in it is drawn from a keyed digest of the challenge's public key.
"""

import array
import io
import random
import wave
from functools import cache

from django.conf import settings

from vault.digests import keyed_digest

VOICES = "abc"
DIGITS = 6
RATE = 11_025
SPEED = (0.88, 1.14)  # a sample every so many: tempo and pitch of a digit
PAUSE = (0.55, 0.9)  # seconds before a digit
LOUDNESS = (0.8, 1.15)
BABBLE = 0.3  # how loud the other voices are: digits spoken backwards, without a pause
HISS = 700  # of 32767


def spoken_digits(key):
    """The digits that are the spoken solution of a challenge."""
    return f"{int(keyed_digest('captcha-digits', key), 16) % 10**DIGITS:0{DIGITS}d}"


def captcha_sound(key):
    """Return a WAV file (mono, 16 bit, 11,025 Hz, some eight seconds) that speaks `spoken_digits(key)`."""
    chance = random.Random(keyed_digest("captcha-sound", key))  # noqa: S311 (its seed is a secret)
    speech = _speech(spoken_digits(key), chance)
    babble, hiss = _babble(len(speech), chance), chance.randbytes(len(speech))
    mixed = [
        said + BABBLE * other + HISS * (noise - 128) / 128
        for said, other, noise in zip(speech, babble, hiss, strict=True)
    ]
    return _wav(mixed)


@cache
def clean_sound(voice, digit):
    """The samples of a digit as one of the voices speaks it."""
    with wave.open(str(settings.CAPTCHA_SOUNDS / f"{voice}-{digit}.wav")) as sound:
        return array.array("h", sound.readframes(sound.getnframes()))


def _speech(digits, chance):
    samples = []
    for digit in digits:
        sound = clean_sound(chance.choice(VOICES), digit)
        step, loudness = chance.uniform(*SPEED), chance.uniform(*LOUDNESS)
        samples += [0.0] * int(RATE * chance.uniform(*PAUSE))
        samples += [loudness * sound[int(place * step)] for place in range(int(len(sound) / step))]
    return samples + [0.0] * int(RATE * PAUSE[0])


def _babble(length, chance):
    samples = array.array("h")
    while len(samples) < length:
        samples += clean_sound(chance.choice(VOICES), chance.choice("0123456789"))[::-1]
    return samples[:length]


def _wav(samples):
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        clipped = [int(max(-32767, min(32767, sample))) for sample in samples]
        sound.writeframes(array.array("h", clipped).tobytes())
    return file.getvalue()
