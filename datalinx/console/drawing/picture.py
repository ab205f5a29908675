"""What a drawn mapping shows, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """A column on the left. `roles` says what else it decides, such as which rows pass the filter."""

    name: str
    type: str = ""
    used: bool = True
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Box:
    """One relation on the left: its title, where it comes from, its columns, and how many are not shown."""

    key: str
    title: str
    subtitle: str
    columns: tuple[Origin, ...]
    more: int = 0


@dataclass(frozen=True)
class Target:
    """A column on the right. `kind` is empty when nothing makes it; `made_of` stands where no curve comes in."""

    name: str
    type: str = ""
    kind: str = ""
    made_of: str = ""
    href: str = ""
    selected: bool = False


@dataclass(frozen=True)
class Curve:
    """A column of a box takes part in making a target column."""

    box: str
    column: str
    target: str
    kind: str


@dataclass(frozen=True)
class Picture:
    """All that is drawn."""

    title: str
    boxes: tuple[Box, ...]
    targets: tuple[Target, ...]
    curves: tuple[Curve, ...]
    description: str = ""
    # Target columns that are not drawn.
    more: int = 0
