# Sourced by the checks of tests/tidy: goes to the top of the tree ($TIDY_ROOT, for their own test), and `files PATTERN…` lists the
# project's files by shell pattern: what git tracks or would track; without git everything but build folders.
cd "${TIDY_ROOT:-$(dirname "$0")/../..}" || exit 2
LC_ALL=C.UTF-8
export LC_ALL

all_files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -co --exclude-standard | while read -r f; do [ -f "$f" ] && echo "$f"; done
    else
        find . \( -name .git -o -path ./build -o -name node_modules \) -prune -o -type f -print | sed 's,^\./,,'
    fi
}

files() {
    all_files | while read -r f; do
        for pattern in "$@"; do
            # shellcheck disable=SC2254  the pattern is to be matched
            case $f in $pattern) echo "$f" && break ;; esac
        done
    done
}

# Passes lines on and ends with 1 if there were any: `… | found` as the last command of a check.
found() {
    ! grep .
}
