"""A bar chart of rates as SVG, without a library: a handful of rectangles and words."""

from html import escape

BAR, GAP, LEFT, WIDTH = 26, 10, 300, 420


def bars(title, rows):
    """`rows`: name, value, words behind the bar. Answers the SVG's text."""
    height = 50 + len(rows) * (BAR + GAP)
    largest = max(value for _, value, _ in rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 150} {height}" '
        f'font-family="system-ui, sans-serif" font-size="14" role="img">',
        f"<title>{escape(title)}</title>",
        "<style>text{fill:#24292f}.ours{fill:#0969da}.other{fill:#afb8c1}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.other{fill:#6e7681}}</style>",
        f'<text x="8" y="26" font-weight="600">{escape(title)}</text>',
    ]
    for at, (name, value, words) in enumerate(rows):
        top = 44 + at * (BAR + GAP)
        kind = "ours" if name.startswith("peekd") else "other"
        length = max(1, round(value / largest * WIDTH))
        parts += [
            f'<text x="{LEFT - 10}" y="{top + 18}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{length}" height="{BAR}" rx="3"/>',
            f'<text x="{LEFT + length + 8}" y="{top + 18}">{escape(words)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])
