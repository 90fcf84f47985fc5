#!/usr/bin/env python3
"""Makes the PNG, ICO and ICNS files of this folder from its SVG files. Needs rsvg-convert (Debian: librsvg2-bin).

Run it after changing a drawing, and commit what it writes: builds don't run it.
"""

import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
# Up to this many pixels the bolder drawing is the more legible one.
SMALL = 32
ICNS = {b"icp4": 16, b"icp5": 32, b"ic07": 128, b"ic08": 256, b"ic09": 512, b"ic11": 32, b"ic12": 64, b"ic13": 256, b"ic14": 512}


def render(svg: Path, size: int) -> bytes:
    return subprocess.run(["rsvg-convert", "-w", str(size), "-h", str(size), svg], check=True, capture_output=True).stdout


def app(size: int) -> bytes:
    return render(HERE / ("icon-small.svg" if size <= SMALL else "icon.svg"), size)


def ico(sizes: list[int]) -> bytes:
    """Windows' container: a table of pictures, each a PNG. 0 stands for 256."""
    pictures = [(size, app(size)) for size in sizes]
    table, data, offset = b"", b"", 6 + 16 * len(pictures)
    for size, png in pictures:
        table += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(png), offset)
        data, offset = data + png, offset + len(png)
    return struct.pack("<HHH", 0, 1, len(pictures)) + table + data


def icns(kinds: dict[bytes, int]) -> bytes:
    """macOS' container: chunks of a kind, a length that counts itself, and a PNG."""
    chunks = b""
    for kind, size in kinds.items():
        png = app(size)
        chunks += kind + struct.pack(">I", len(png) + 8) + png
    return b"icns" + struct.pack(">I", len(chunks) + 8) + chunks


def main() -> None:
    icons = HERE / "icons"
    for name, size in {"32x32": 32, "128x128": 128, "128x128@2x": 256, "512x512": 512}.items():
        (icons / f"{name}.png").write_bytes(app(size))
    (icons / "icon.ico").write_bytes(ico([16, 24, 32, 48, 64, 256]))
    (icons / "icon.icns").write_bytes(icns(ICNS))
    for svg in (HERE / "tray").glob("*.svg"):
        # Twice the 22 px of a tray, for dense screens; panels scale it down.
        svg.with_suffix(".png").write_bytes(render(svg, 44))


main()
