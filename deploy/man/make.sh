#!/bin/sh
# make man: the manual pages, in $B/man. Lists of commands and settings come from the daemons themselves, so that no page can be behind.
#   deploy/man/make.sh [FOLDER]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
B=${B:-build}
cd "$root"
out=${1:-$B/man}
mkdir -p "$out"
plain() { sed 's/[\\_*#~]/\\&/g'; } # nothing of it is a mark of scdoc's
commands() {
    "$B/bin/$1" --show-commands | plain | awk -F '\t' '{
        n = split($3, options, " ")
        line = "*" $1 "*"
        m = split($2, arguments, " ")
        for (i = 1; i <= m; i++) line = line " _" arguments[i] "_"
        for (i = 1; i <= n; i++) { value = sub(/=$/, "", options[i]); line = line " [--" options[i] (value ? " …" : "") "]" }
        print line "\n\t" $4 "\n"
    }'
}
settings() { # a comment line, then KEY: VALUE
    "$B/bin/$1" --show-config | plain | awk '
        /^\\#/ { sub(/^\\# */, ""); text = text (text == "" ? "" : " ") $0; next }
        /^[a-z\\_]*:/ { key = $0; sub(/:.*/, "", key); value = $0; sub(/^[^:]*: */, "", value); print "*" key "*: " value "\n\t" text "\n"; text = "" }'
}
for page in deploy/man/*.scd; do
    name=$(basename "$page" .scd)
    while IFS= read -r line; do
        case $line in
        '@commands '*) commands "${line#@commands }" ;;
        '@settings '*) settings "${line#@settings }" ;;
        *) printf '%s\n' "$line" ;;
        esac
    done <"$page" | scdoc >"$out/$name"
done
