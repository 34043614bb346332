# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lint scripts share: the list of source files, C text without comments and strings, and
the way a finding is told. Standard library only; nothing in here writes a file."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("include", "lib", "policy", "shim", "supervisor", "tests", "contrib")


def files(suffixes, folders=FOLDERS):
    """Paths from the root, sorted, of the files whose names end so."""
    found = []
    for folder in folders:
        for where, subfolders, names in os.walk(os.path.join(ROOT, folder)):
            subfolders[:] = [s for s in subfolders if not s.startswith(".") and s != "__pycache__"]
            found += [os.path.relpath(os.path.join(where, n), ROOT)
                      for n in names if n.endswith(suffixes)]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text):
    """C text with comments blanked and literals emptied; lines keep their numbers."""
    def blank(match):
        token = match.group()
        if token[0] in "\"'":
            return token[0] * 2
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(blank, text)


class Findings:
    """Collects findings; done() prints them and ends the program, 1 when there is one."""

    def __init__(self):
        self.found = []

    def say(self, path, line, what):
        self.found.append(f"{path}:{line}: {what}")

    def done(self, checked):
        for finding in self.found:
            print(finding)
        print(f"{os.path.basename(sys.argv[0])}: {checked} files read, {len(self.found)} findings")
        if checked == 0:
            print("nothing was read: the file list of this check is wrong")
        sys.exit(1 if self.found or checked == 0 else 0)
