# SPDX-License-Identifier: GPL-2.0-or-later
"""Module folders and the manifests in them."""
import copy
import json
import os
import pathlib

BASE = {
    "id": "probe",
    "name": "Probe",
    "version": "1.0.0",
    "entry": {"command": ["/bin/true"], "mode": "service", "stopTimeout": "5s"},
    "limits": {"memory": "64M", "cpu": "100%", "openFiles": 64, "processes": 16, "tmp": "8M"},
}


def _merge(into, more):
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif value is None:
            into.pop(key, None)
        else:
            into[key] = value
    return into


def manifest(command=None, **changes):
    """The base manifest with changes merged in; None removes a key."""
    made = _merge(copy.deepcopy(BASE), changes)
    if command is not None:
        made["entry"]["command"] = list(command)
    return made


def write_module(folder, description, files=None):
    """A module folder that others may read. @files: relative path -> text, bytes, or a pathlib.Path
    to copy; a text that begins with "#!" and every copied program is made executable."""
    folder = pathlib.Path(folder)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    if isinstance(description, dict):
        description = json.dumps(description, indent=2)
    everything = {"module.json": description} if description is not None else {}
    everything.update(files or {})
    for name, content in everything.items():
        path = folder / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        runs = isinstance(content, pathlib.Path) and os.access(content, os.X_OK)
        if isinstance(content, pathlib.Path):
            content = content.read_bytes()
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        path.chmod(0o755 if runs or content.startswith(b"#!") else 0o644)
    for parent, _, _ in os.walk(folder):
        os.chmod(parent, 0o755)
    return folder
