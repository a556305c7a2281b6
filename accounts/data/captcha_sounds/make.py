"""Make the sounds of the spoken captcha with espeak-ng. Run by hand only: see README.md."""

import array
import io
import subprocess
import wave
from pathlib import Path

PINYIN = ["ling2", "yao1", "er4", "san1", "si4", "wu3", "liu4", "qi1", "ba1", "jiu3"]
VOICES = {"a": "cmn-latn-pinyin", "b": "cmn-latn-pinyin+f5", "c": "cmn-latn-pinyin+m3"}
WORDS_PER_MINUTE = 115
SILENT = 300  # of 32767
LOUDNESS = 3500  # root mean square


def spoken(voice, pinyin):
    """Return (rate, samples) as espeak-ng speaks."""
    command = ["espeak-ng", "-v", voice, "-s", str(WORDS_PER_MINUTE), "--stdout", pinyin]
    made = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 (the words above, nobody's input)
    with wave.open(io.BytesIO(made.stdout)) as sound:
        rate = sound.getframerate()
        return rate, array.array("h", sound.readframes(10 * rate))


def halved(samples):
    """Half the rate: neighbours are averaged."""
    return [(left + right) // 2 for left, right in zip(samples[::2], samples[1::2], strict=False)]


def trimmed(samples):
    loud = [place for place, sample in enumerate(samples) if abs(sample) > SILENT]
    return samples[loud[0] : loud[-1] + 1]


def levelled(samples):
    loudness = (sum(sample * sample for sample in samples) / len(samples)) ** 0.5
    return [max(-32767, min(32767, round(sample * LOUDNESS / loudness))) for sample in samples]


def make(folder):
    for name, voice in VOICES.items():
        for digit, pinyin in enumerate(PINYIN):
            rate, samples = spoken(voice, pinyin)
            with wave.open(str(folder / f"{name}-{digit}.wav"), "wb") as sound:
                sound.setparams((1, 2, rate // 2, 0, "NONE", ""))
                sound.writeframes(array.array("h", levelled(trimmed(halved(samples)))).tobytes())


if __name__ == "__main__":
    make(Path(__file__).parent)
