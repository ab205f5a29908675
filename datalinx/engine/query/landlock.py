"""Landlock: Linux itself refuses every file but the planned ones, whatever the query's process tries.

The kernel's own door, https://docs.kernel.org/userspace-api/landlock.html; there is no library for it in
the standard library, and three system calls need none. It holds for threads started afterwards, so it comes
before DuckDB's threads. Where the kernel has no Landlock the other walls stand alone.
"""

import ctypes
import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1

_READ_FILE = 1 << 2
_READ_FOLDER = 1 << 3
# Every right on files that each version of the kernel's interface knows; handled means refused unless allowed.
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_RIGHTS = 0b11
_SCOPES = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


# Libraries load parts of themselves late. What lies there is public code, and DuckDB may not read it anyway.
_CODE = sorted({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def confine_to(files: Sequence[Path]) -> bool:
    """Let this process open exactly `files` and Python's own code, for reading, and connect nowhere.

    Return whether the kernel took it. `PR_SET_NO_NEW_PRIVS` must have been set (see `limits.py`).
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    if version < 1:
        return False
    rules = _Ruleset(
        _FILE_RIGHTS[min(version, 5)], _NET_RIGHTS if version >= 4 else 0, _SCOPES if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    try:
        for file in files:
            _allow(libc, ruleset, file, _READ_FILE)
        for folder in _CODE:
            if folder.is_dir():
                _allow(libc, ruleset, folder, _READ_FILE | _READ_FOLDER)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    # A path alone, without reading: O_PATH.
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathRule(rights, handle)
        if libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0) != 0:
            raise OSError(ctypes.get_errno(), "The kernel refused a rule for a file of the query")
    finally:
        os.close(handle)
