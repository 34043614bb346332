# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion of modsupctl, asked as bash asks it, against a real daemon; of zsh only that it parses."""
import pathlib
import shutil
import subprocess
import time

from harness import build_dir, equal, manifest, require, test
from harness.wait import DEADLINE

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "contrib" / "completion"
# COMP_WORDBREAKS as an interactive bash has it.
ASK = r"""
COMP_WORDBREAKS=$' \t\n"\'@><=;|&(:'
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_modsupctl
printf '%s\n' "${COMPREPLY[@]}"
"""


def complete(line, cwd="/"):
    """What bash would offer behind @line."""
    done = subprocess.run(["bash", "-u", "-c", ASK, "ask", str(SCRIPTS / "modsupctl.bash"), line],
                          capture_output=True, text=True, timeout=DEADLINE, check=False, cwd=cwd)
    equal((done.stderr, done.returncode), ("", 0), f"completing {line!r}")
    return sorted(done.stdout.split())


def program(t=None):
    return f"{build_dir()}/modsupctl" + (f" --private {t.daemon.folder}" if t else "")


@test
def verbs_are_those_of_the_program(t):
    done = subprocess.run([program(), "--help"], capture_output=True, text=True, check=True, timeout=DEADLINE)
    told = sorted(line.split()[0] for line in done.stdout.split("verbs:\n")[1].split("\n\n")[0].splitlines())
    require({"start", "stop", "restart", "kill", "status", "show", "logs", "exec"} <= set(told), str(told))
    equal(complete(f"{program(t)} "), told, "after the program")
    equal(complete(f"{program()} sta"), [v for v in told if v.startswith("sta")], "after sta")
    equal(complete(f"{program()} nosuch "), [], "after no verb")


@test
def options_and_their_words(_):
    offered = complete(f"{program()} restart --")
    require({"--all", "--outdated", "--wait", "--timeout", "--json", "--private"} <= set(offered), str(offered))
    require("--tier" not in offered, f"an option of another verb: {offered}")
    equal(complete(f"{program()} start --tier "), ["community", "private", "verified"], "words")
    equal(complete(f"{program()} start --tier ver"), ["verified"], "a beginning")
    equal(complete(f"{program()} start --tier=ver"), ["verified"], "behind =")
    equal(complete(f"{program()} kill -s US"), ["USR1", "USR2"], "a letter's words")
    equal(complete(f"{program()} kill --signal HU"), ["HUP"], "a name's words")
    equal(complete(f"{program()} emergency l"), ["lift"], "emergency")


@test
def names_come_from_the_daemon(t):
    folder = t.folder(manifest(["/bin/sleep", "600"], id="compl-one"))
    t.start(folder)
    t.start(folder, tenant="acme")
    ended = t.folder(manifest(["/bin/true"], id="compl-two", entry={"mode": "oneshot"}))
    t.start(ended)
    for verb in ("stop", "restart", "kill", "status", "show", "logs", "wait"):
        equal(complete(f"{program(t)} {verb} compl-"), ["compl-one", "compl-one@acme", "compl-two"], verb)
    equal(complete(f"{program(t)} stop compl-one@"), ["acme"], "bash puts it behind the @")
    equal(complete(f"{program()} --private={t.daemon.folder} status compl-t"), ["compl-two"], "--private=")
    equal(complete(f"{program()} --socket {t.daemon.socket} status compl-t"), ["compl-two"], "--socket")


@test
def folders_where_a_folder_is_meant(t):
    folder = t.folder(manifest(["/bin/true"]))
    equal(complete(f"{program(t)} start {folder.parent}/{folder.name[:-1]}"), [f"{folder}/"], "start")
    equal(complete(f"{program()} validate {folder.name}", cwd=folder.parent), [folder.name], "validate")
    equal(complete(f"{program()} --socket {t.daemon.folder}/control.s"), [str(t.daemon.socket)], "--socket")
    require("sleep" in complete(f"{program()} run -- slee"), "a command behind --")


@test
def silent_and_quick_without_a_daemon(_):
    start = time.monotonic()
    equal(complete(f"{program()} --private /nonexistent/folder stop "), [], "names")
    require("restart" in complete(f"{program()} --private /nonexistent/folder res"), "verbs all the same")
    require(time.monotonic() - start < 5, "it waited for somebody")


@test
def zsh_can_read_its_own(_):
    require(shutil.which("zsh"), "no zsh on this host")
    done = subprocess.run(["zsh", "-n", str(SCRIPTS / "_modsupctl")], capture_output=True, text=True,
                          timeout=DEADLINE, check=False)
    equal((done.stderr, done.returncode), ("", 0), "zsh -n")
