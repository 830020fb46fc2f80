#!/bin/sh
# What this system never holds (design of the domain, section 0): no message and no record type may have a field for it. The words are
# those of common/catalogue/banned.c, by which the daemons refuse the same.
# Lines that say what is refused carry the word `refused` and are not looked at.
table=$(cd "$(dirname "$0")/../.." && pwd)/common/catalogue/banned.c
. "$(dirname "$0")/../support/files.sh"
words=$(sed -n '/words\[\] = {/,/};/s/^ *"\([^"]*\)",$/\1/p' "$table" |
    sed 's/^^/(^|[^a-z])/; s/\$$/($|[^a-z])/; s/_/[ _-]?/g' | paste -sd '|')
[ -n "$words" ] || { echo "no words found in $table" && exit 1; }
files 'proto/*.proto' 'deploy/catalogue/*' 'deploy/policies/*' | xargs -r grep -IniE "$words" | grep -v -i refused |
    sed 's/$/   <- never held by this system/' | found
