#!/bin/sh
# Numbers of record types and fields are given once: what the catalogue says is in NUMBERS, and no commit ever took or changed a line of it.
cd "$(dirname "$0")/../.." || exit 2
. tests/support/check.sh

# numbers_hold FOLDER: every type and field of its catalogue has its line in its NUMBERS, and no number or name is there twice
numbers_hold() {
    sed '/^#/d; /^$/d' "$1/NUMBERS" >"$work/lines"
    cut -d' ' -f1 "$work/lines" | sort | uniq -d | sed 's/^/twice: number /' >"$work/wrong"
    cut -d' ' -f2 "$work/lines" | sort | uniq -d | sed 's/^/twice: name /' >>"$work/wrong"
    for _f in "$1"/*.yaml; do
        grep -q '^kind: record_type' "$_f" || continue
        _number=$(sed -n 's/^number: //p' "$_f")
        _name=$(sed -n 's/^name: //p' "$_f")
        grep -qx "$_number $_name" "$work/lines" || echo "not in NUMBERS: $_number $_name"
        sed -n 's/^ *- {number: \([0-9]*\), name: \([a-z_0-9]*\),.*/\1 \2/p' "$_f" | while read -r _n _field; do
            grep -qx "$_number.$_n $_name.$_field" "$work/lines" || echo "not in NUMBERS: $_number.$_n $_name.$_field"
        done
        _fields=$(grep -c '^ *- {number: ' "$_f")
        _items=$(grep -c '^ *- ' "$_f")
        [ "$_fields" = "$_items" ] || echo "$_f: a field is not written as this test reads it"
    done >>"$work/wrong"
    cat "$work/wrong"
    [ ! -s "$work/wrong" ]
}

# only_added OLD NEW: NEW begins with all of OLD's numbers
only_added() {
    sed '/^#/d; /^$/d' "$1" | LC_ALL=C sort >"$work/old"
    sed '/^#/d; /^$/d' "$2" | LC_ALL=C sort >"$work/new"
    LC_ALL=C comm -23 "$work/old" "$work/new" | sed 's/^/given before, gone or changed: /' >"$work/gone"
    cat "$work/gone"
    [ ! -s "$work/gone" ]
}

# history_holds: over all commits that are here (a clone may be shallow)
history_holds() {
    : >"$work/before"
    for _commit in $(git log --reverse --format=%H -- deploy/catalogue/NUMBERS); do
        git show "$_commit:deploy/catalogue/NUMBERS" >"$work/now" || return 1
        only_added "$work/before" "$work/now" || return 1
        mv "$work/now" "$work/before"
    done
    only_added "$work/before" deploy/catalogue/NUMBERS
}

check "every type and field has its number" numbers_hold deploy/catalogue
if git rev-parse HEAD >/dev/null 2>&1; then check "no commit took a number back" history_holds; fi

cp -r deploy/catalogue "$work/copy"
sed -i 's/^  - {number: 19, name: phone/  - {number: 30, name: phone/' "$work/copy/32-Person.yaml"
numbers_hold "$work/copy" >"$work/out" || true
check "a field that changed its number is seen" grep -qx "not in NUMBERS: 32.30 Person.phone" "$work/out"
cp deploy/catalogue/32-Person.yaml "$work/copy/"
sed -i 's/^32.19 Person.phone/32.19 Person.telephone/' "$work/copy/NUMBERS"
only_added deploy/catalogue/NUMBERS "$work/copy/NUMBERS" >"$work/out" || true
check "a number that was given to another field is seen" grep -qx 'given before, gone or changed: 32.19 Person.phone' "$work/out"
finish
