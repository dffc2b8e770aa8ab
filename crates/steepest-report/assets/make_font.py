#!/usr/bin/env python3
"""Writes inter.txt, the letters of the pictures, from the font Inter (OFL-1.1, see OFL.txt).

    apt-get download fonts-inter && dpkg-deb -x fonts-inter*.deb x
    pip install fonttools
    python make_font.py x/usr/share/fonts/opentype/inter > inter.txt

One line for each glyph: weight, character, advance, outline as SVG path data (relative commands,
y downwards). The unit is 1/1000 of the font size. Kerning is left out: labels are short.
"""

import sys
from pathlib import Path

from fontTools.misc.transform import Scale
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

ASCII = [chr(c) for c in range(0x20, 0x7F)]
SIGNS = list("−×·→²³⁴⁶≤≥–…±°∞μπ√Σ₁₂")


def path(glyph, glyphs, scale):
    pen = DecomposingRecordingPen(glyphs)
    glyph.draw(pen)
    out, here, start = [], (0, 0), (0, 0)
    at = lambda point: (round(point[0] * scale), round(-point[1] * scale))
    for command, points in pen.value:
        points = [at(p) for p in points]
        if command == "closePath":
            out.append("z")
            here = start
            continue
        flat = " ".join(f"{x - here[0]} {y - here[1]}" for x, y in points)
        out.append({"moveTo": "m", "lineTo": "l", "curveTo": "c"}[command] + flat)
        here = points[-1]
        if command == "moveTo":
            start = here
    return "".join(out).replace(" -", "-")


def main(folder):
    for weight, file, characters in [("r", "Inter-Regular.otf", ASCII + SIGNS), ("b", "Inter-SemiBold.otf", ASCII)]:
        font = TTFont(Path(folder) / file)
        glyphs, cmap = font.getGlyphSet(), font.getBestCmap()
        scale = 1000 / font["head"].unitsPerEm
        for character in characters:
            if ord(character) not in cmap:
                sys.exit(f"{file} has no {character!r}")
            glyph = glyphs[cmap[ord(character)]]
            print(f"{weight}{character}{round(glyph.width * scale)} {path(glyph, glyphs, scale)}".rstrip())


main(sys.argv[1])
