"""Make the two bundled subsets of Noto Serif CJK SC again; README.md says when and with what."""

import bz2
import sys
from pathlib import Path

from fontTools.subset import main as subset

HERE = Path(__file__).parent
NOTO = Path("/usr/share/fonts/opentype/noto")
UNIHAN = Path("/usr/share/unicode/Unihan_OtherMappings.txt.bz2")
SIMPLIFIED_CHINESE = 2  # the face's place in Noto's collections
RARE_NAMES = "〇·•𬭎㛃玥喆祎堃珺昇"


def gbk():
    """Return every printable character of GBK."""
    return {char for char in map(chr, range(0x20, 0x10000)) if char.isprintable() and char.encode("gbk", "ignore")}


def general_standard_characters():
    """Return the 8,105 characters of 通用规范汉字表, which new names must be written with."""
    with bz2.open(UNIHAN, "rt", encoding="utf-8") as lines:
        return {
            chr(int(line.split("\t")[0][2:], 16)) for line in lines if "\tkTGH\t" in line and line.startswith("U+")
        }


def make(source, target, characters):
    points = ",".join(f"{ord(char):X}" for char in sorted(characters))
    subset(
        [
            str(NOTO / source),
            f"--font-number={SIMPLIFIED_CHINESE}",
            f"--unicodes={points}",
            f"--output-file={HERE / target}",
            "--layout-features=kern",
            "--no-hinting",
            "--name-IDs=0,1,2,3,4,5,6,7,8,11,13,14",
        ]
    )
    sys.stdout.write(f"{target}: {len(characters)} characters, {(HERE / target).stat().st_size:,} bytes\n")


if __name__ == "__main__":
    fixed_text = set((HERE.parent / "typst" / "certificate.typ").read_text("utf-8")) - {"\n"}
    everything = gbk() | general_standard_characters() | set(RARE_NAMES) | fixed_text | {"\u3000", "\u00a0"}
    make("NotoSerifCJK-Regular.ttc", "NotoSerifCJKsc-Regular.otf", everything)
    make("NotoSerifCJK-Bold.ttc", "NotoSerifCJKsc-Bold.otf", fixed_text)
