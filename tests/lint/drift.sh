#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# What stands in two places says the same in both: version, function names, option names. And words
# that belong on no shipped page.
. tests/support/tap.sh

header_version() {
        for part in MAJOR MINOR PATCH; do
                sed -n "s/^.define SEQCAST_VERSION_$part *//p" include/seqcast.h
        done | paste -sd.
}

# The newest release in CHANGELOG.md, "## [0.1.0] - date" or "## 0.1.0"; "Unreleased" is no release.
wrong_changelog() {
        top=$(sed -nE 's/^## \[?([0-9]+\.[0-9]+\.[0-9]+).*/\1/p' CHANGELOG.md 2>&1 | head -n 1)
        [ "$top" = "$(header_version)" ] || echo "CHANGELOG.md says $top, include/seqcast.h $(header_version)"
}

unmapped_functions() {
        public_functions >"$scratch/public"
        mapped_functions >"$scratch/mapped"
        diff "$scratch/public" "$scratch/mapped"
}

# Man pages name things in many ways: "--" may be written \-\- or Fl -.
page_text() {
        sed -e 's/\\-/-/g' -e 's/\\&//g' -e 's/Fl Fl /--/g' -e 's/Fl -/--/g' "$@"
}

undocumented_functions() {
        for function in $(public_functions); do
                page_text src/seqcast.3 2>/dev/null | grep -qw "$function" || echo "src/seqcast.3 does not mention $function()"
        done
}

# Long options: in the rows of option tables the name after the letter ('s', "schema" or 0, "type"), and
# whatever a text spells with two dashes.
long_options() {
        sed -nE "s/.*[{,] *('.'|'.0'|0), *\"([a-z][a-z0-9-]*)\",.*/\2/p" "$@"
        grep -hoE '(^|[^A-Za-z0-9-])--[a-z][a-z0-9-]+' "$@" | sed 's/.*--//'
}

undocumented_options() {
        for source in tools/*.c; do
                tool=$(basename "$source" .c)
                [ -e "tools/$tool.1" ] || { echo "no page for $tool"; continue; }
                page_text "tools/$tool.1" >"$scratch/page"
                verbs=$(sed -n 's/^#include "\([a-z]*\)\/\1\.h"$/\1/p' "$source")
                for option in $(long_options "$source" $(for verb in $verbs; do echo "tools/$verb/$verb.c"; done) \
                        tools/common/options.[ch] | sort -u); do
                        grep -qE -e "--$option([^a-z0-9-]|\$)" "$scratch/page" || echo "tools/$tool.1 does not mention --$option"
                done
        done
}

long_lines() {
        awk 'length($0) > 110 { print FILENAME ":" FNR ": " length($0) }' \
                $(find include src tools tests -name '*.[ch]')
}

# Bracketed, so that this file does not contain what it looks for.
forbidden_words() {
        grep -rnIE '/wor[k]/|/roo[t]/|bash_job[s]|\<(TOD[O]|FIXM[E]|XX[X])\>|https?://(deb|registry|mirror)[a-z]*[.]' \
                Makefile README.md CHANGELOG.md LICENSE .ci .clang-format .gitignore include src tools tests 2>/dev/null
}

unlicensed_files() {
        find include src tools tests \( -name '*.[ch]' -o -name '*.sh' -o -name '*.bats' -o -name '*.py' -o -name '*.go' \) \
                -exec grep -L 'SPDX-License-Identifier: MIT' {} +
}

# Below a comment that names an example, README.md shows it from its first #include on.
stale_examples() {
        sed -n 's/^<!-- \(.*\.[ch]\) -->$/\1/p' README.md | while read -r file; do
                awk -v mark="<!-- $file -->" '
                $0 == mark { shown = 1; next }
                shown && /^```$/ { exit }
                shown && !/^```/' README.md >"$scratch/shown"
                sed -n '/^#include/,$p' "$file" | grep -v '^#endif$' | diff -B - "$scratch/shown" >/dev/null ||
                        echo "README.md shows another $file"
        done
}

quiet "no line of C is longer than 110 columns" long_lines
quiet "README.md shows the examples as they are" stale_examples
quiet "CHANGELOG.md and the header have one version" wrong_changelog
quiet "src/seqcast.map exports what the header declares" unmapped_functions
quiet "seqcast(3) names each function" undocumented_functions
if ls tools/*.c >/dev/null 2>&1; then
        quiet "each tool's page names each long option" undocumented_options
fi
quiet "no words that belong elsewhere" forbidden_words
quiet "each source says its licence" unlicensed_files

planted "a forgotten CHANGELOG.md" \
        'sed -i "s/^\(.define SEQCAST_VERSION_MINOR\).*/\1 97/" include/seqcast.h' wrong_changelog
planted "a function that is not exported" 'sed -i "/seqcast_publish_parts;/d" src/seqcast.map' unmapped_functions
planted "a function that does not exist any more" \
        'sed -i "/seqcast_publish_parts(/d" include/seqcast.h' unmapped_functions
planted "a function without documentation" \
        'echo "SEQCAST_API int seqcast_planted(void);" >>include/seqcast.h' undocumented_functions
planted "an option without documentation" \
        'echo "OPTION_ROW(FLAG, 0, \"planted\", NULL, NULL, x)," >tools/planted.c; touch tools/planted.1' undocumented_options
planted "an example that moved on" 'sed -i "s/100000000/200000000/" tests/examples/publisher.c' stale_examples
planted "a note to self" 'echo "/* TO""DO */" >>src/version.c' forbidden_words
planted "a source without licence" 'echo "int x;" >src/planted.c' unlicensed_files
finish
