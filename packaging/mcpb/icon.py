"""Draws icon.png: many models, one hub. Run it from anywhere; it needs Pillow."""

from __future__ import annotations

from math import cos, pi, sin
from pathlib import Path

from PIL import Image, ImageDraw

SIZE, SCALE = 512, 4  # drawn four times as large: Pillow does not smooth edges
INK, GROUND = "#f5f3ee", "#1f4e5f"
SPOKES = ("#f2b134", "#ed553b", "#7bc8a4", "#f5f3ee", "#93b5c6")


def draw() -> Image.Image:
    """The icon."""
    full = SIZE * SCALE
    image = Image.new("RGBA", (full, full))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, full - 1, full - 1), radius=full // 5, fill=GROUND)
    middle, arm, dot, hub = full / 2, full * 0.31, full * 0.075, full * 0.12
    for index, colour in enumerate(SPOKES):
        angle = 2 * pi * index / len(SPOKES) - pi / 2
        x, y = middle + arm * cos(angle), middle + arm * sin(angle)
        pen.line((middle, middle, x, y), fill=INK, width=full // 40)
        pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill=colour)
    pen.ellipse((middle - hub, middle - hub, middle + hub, middle + hub), fill=INK)
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    draw().save(Path(__file__).with_name("icon.png"), optimize=True)
