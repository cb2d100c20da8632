#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Manual pages: mandoc has nothing to object to.
. tests/support/tap.sh

if ! command -v mandoc >/dev/null 2>&1; then
        skip "manual pages are clean" "mandoc is not installed"
        finish
fi

# Not found, or not in the database: pages that are not installed here, "operating system" about NetBSD style.
objections() {
        mandoc -Tlint -Wstyle "$1" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db|operating system explicitly'
}

pages=$(find src tools -name '*.[1-8]' | sort)
for page in $pages; do
        quiet "$page" objections "$page"
done
[ -n "$pages" ] || not_ok "there are manual pages"

printf '.Dd January 1, 2000\n.Dt PLANTED 1\n.Os\n.Sh NAME\n.Nm planted\n.Nd x\n.Sh DESCRIPTION\n.Xy\n' >"$scratch/planted.1"
if [ -n "$(objections "$scratch/planted.1")" ]; then ok "catches an unknown macro"; else not_ok "catches an unknown macro"; fi
finish
