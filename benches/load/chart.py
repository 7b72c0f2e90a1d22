"""Grouped bars as an SVG file, without a library for it."""

from html import escape

WIDTH, PANEL_HEIGHT, PLOT_HEIGHT, LEFT, RIGHT = 860, 250, 170, 60, 20
COLOURS = ("#1b6ca8", "#d1495b", "#edae49", "#8d99ae", "#3a7d44", "#7d5ba6", "#00a6a6", "#f08a4b", "#5c4033", "#c77dff", "#222222",
           "#9bc53d")
LEGEND_LINE = 18
FONT = "font-family='sans-serif'"


def _text(x, y, words, size=11, anchor="middle", weight="normal"):
    return (f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' font-weight='{weight}' {FONT} "
            f"fill='#222'>{escape(words)}</text>")


def _label(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _step(most):
    """A round distance of grid lines, at most five of them."""
    step = 10.0 ** -3
    while True:
        for factor in (1, 2, 5):
            if step * factor * 5 >= most:
                return step * factor
        step *= 10


def _panel(top, left, width, title, groups, series, names):
    most = max(max(values) for values in series.values())
    step = _step(most)
    scale = PLOT_HEIGHT / (step * 5)
    floor = top + 30 + PLOT_HEIGHT
    out = [_text(left, top + 14, title, 13, "start", "bold")]
    for line in range(6):
        y = floor - line * step * scale
        out.append(f"<line x1='{left}' y1='{y:.1f}' x2='{left + width}' y2='{y:.1f}' stroke='#ddd'/>")
        out.append(_text(left - 6, y + 4, f"{line * step:g}", 10, "end"))
    room = width / len(groups)
    bar = room * 0.84 / len(names)
    for number, group in enumerate(groups):
        start = left + number * room + room * 0.08
        out.append(_text(left + (number + 0.5) * room, floor + 16, group))
        for place, name in enumerate(names):
            value = series[name][number]
            height = value * scale
            x = start + place * bar
            out.append(f"<rect x='{x:.1f}' y='{floor - height:.1f}' width='{bar * 0.9:.1f}' height='{height:.1f}' "
                       f"fill='{COLOURS[place % len(COLOURS)]}'><title>{escape(name)}, {escape(group)}: "
                       f"{_label(value)}</title></rect>")
            if place == 0:
                out.append(_text(x + bar * 0.9, floor - height - 3, _label(value), 9, "end"))
    return out


def _legend(names):
    """Its elements, and how many lines they need."""
    out, x, line = [], LEFT, 0
    for place, name in enumerate(names):
        width = 40 + 7 * len(name)
        if x > LEFT and x + width > WIDTH - RIGHT:
            x, line = LEFT, line + 1
        y = 38 + line * LEGEND_LINE
        out.append(f"<rect x='{x}' y='{y}' width='12' height='12' fill='{COLOURS[place % len(COLOURS)]}'/>")
        out.append(_text(x + 17, y + 10, name, 12, "start"))
        x += width
    return out, line + 1


def bars(title, names, panels):
    """Panels are (title, groups, {name: values}); two stand beside each other."""
    width = (WIDTH - 2 * (LEFT + RIGHT)) / 2
    legend, lines = _legend(names)
    top = 70 + (lines - 1) * LEGEND_LINE
    height = top + 20 + PANEL_HEIGHT * ((len(panels) + 1) // 2)
    out = [f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' "
           f"height='{height}'>", f"<rect width='{WIDTH}' height='{height}' fill='white'/>",
           _text(LEFT, 24, title, 16, "start", "bold"), *legend]
    for number, (heading, groups, series) in enumerate(panels):
        left = LEFT + (number % 2) * (width + LEFT + RIGHT)
        out += _panel(top + PANEL_HEIGHT * (number // 2), left, width, heading, groups, series, names)
    return "\n".join(out + ["</svg>", ""])
