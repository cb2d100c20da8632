#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# deps.sh PACKAGE...: install the Debian packages that are missing. Elsewhere: say what is missing.
set -u

# How to tell without dpkg whether a package's content is there.
have() {
        case $1 in
        libjson-c-dev) pkg-config --exists json-c 2>/dev/null ;;
        libck-dev) pkg-config --exists ck 2>/dev/null ;;
        libuv1-dev) pkg-config --exists libuv 2>/dev/null ;;
        liburcu-dev) pkg-config --exists liburcu-bp 2>/dev/null ;;
        libcriterion-dev) pkg-config --exists criterion 2>/dev/null ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
        esac
}

debian=$(command -v apt-get) || debian=
missing=
for package; do
        if [ -n "$debian" ]; then
                case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
                installed) continue ;;
                esac
        fi
        have "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ -z "$debian" ]; then
        echo "deps: missing, under the names Debian gives them:$missing"
        echo "deps: install them with your system's package manager; tests that need them are skipped until then."
        exit 0
fi

as_root=
if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
                echo "deps: missing:$missing" >&2
                echo "deps: neither root nor sudo here: install them, or run 'make check' to do without." >&2
                exit 1
        fi
        as_root=sudo
fi

# shellcheck disable=SC2086 # a list of words
install() {
        $as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends $missing </dev/null
}

echo "deps: installing with apt-get:$missing"
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
install >"$log" 2>&1 && exit 0
{ $as_root apt-get update -qq </dev/null && install; } >"$log" 2>&1 && exit 0
cat "$log" >&2
echo "deps: could not install:$missing" >&2
exit 1
