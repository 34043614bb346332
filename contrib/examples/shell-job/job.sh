#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sums the whole numbers of a file and says who did it. Runs once and ends.
set -eu

sum=0
while read -r number; do
	sum=$((sum + number))
done <"$1"

echo "sum of $1: $sum"
echo "scratch in $TMPDIR: $(echo kept >"$TMPDIR/note" && cat "$TMPDIR/note")"
echo "running as uid $(id -u) on $(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
