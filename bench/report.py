"""Tables that are as well read on a terminal as in Markdown."""


class Table:
    def __init__(self, *titles):
        self.rows = [titles]

    def row(self, *cells):
        self.rows.append(tuple(str(cell) for cell in cells))

    def print(self, title):
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]
        lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in self.rows]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        print(f"\n{title}\n", *lines, "", sep="\n", flush=True)


def time_text(ns):
    for limit, unit, divisor in ((1e3, "ns", 1), (1e6, "us", 1e3), (1e9, "ms", 1e6)):
        if ns < limit:
            return f"{ns / divisor:.3g} {unit}" if ns / divisor < 100 else f"{ns / divisor:.0f} {unit}"
    return f"{ns / 1e9:.3g} s"


def size_text(count):
    for unit, divisor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= divisor:
            return f"{count / divisor:.4g} {unit}"
    return f"{count} B"


def print_verdicts(verdicts):
    """verdicts: (what should hold, whether it does, what was measured)."""
    for target, held, measured in verdicts:
        print(f"{'holds ' if held else 'MISSED'}  {target}: {measured}")
