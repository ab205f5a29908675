"""How the demonstration shows things: tables, and bars drawn in the terminal."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console(highlight=False)
if not console.is_terminal:
    # A file or a log has no width of its own.
    console = Console(highlight=False, width=120)
_EIGHTHS = " ▏▎▍▌▋▊▉"


def say(text: str) -> None:
    """Print a line."""
    console.print(text)


def chapter(number: int, title: str) -> None:
    """Begin a part of the story."""
    console.print(f"\n[bold]{number}. {title}[/bold]")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows in columns; numbers stand on the right."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for index, name in enumerate(columns):
        numeric = all(isinstance(row[index], int | float) for row in rows)
        shown.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        shown.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console.print(shown)


def bars(rows: Sequence[tuple[str, float, str]], *, width: int = 40) -> None:
    """Print a bar for each label and value, with the value in words behind it."""
    most = max((value for _, value, _ in rows), default=0.0) or 1.0
    shown = Table(box=None, show_header=False, pad_edge=False)
    for label, value, words in rows:
        eighths = round(value / most * width * 8)
        bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        shown.add_row(label, f"[cyan]{bar}[/cyan]", words)
    console.print(shown)
