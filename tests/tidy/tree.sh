#!/bin/sh
# The tree: a fixed top level, no products of a build, no large files, no paths of one machine, no left-over markers, scripts that parse.
. "$(dirname "$0")/../support/files.sh"
{
    all_files | while read -r f; do
        case $f in
        common/* | deploy/* | hub/* | node/* | proto/* | tests/*) ;;
        Makefile | README.md | ARCHITECTURE.md | CONTRIBUTING.md | SECURITY.md | LICENSE | NOTICE) ;;
        .clang-format | .clang-tidy | .gitignore | .gitattributes | .editorconfig | .ci/*) ;;
        *) echo "$f: the top level is fixed (ARCHITECTURE.md); this has no place there" ;;
        esac
        case $f in
        *.o | *.a | *.d | *.so | *.pb-c.[ch] | *.pyc | *.orig | *.rej | *~ | core) echo "$f: made by a build or an editor, not to be tracked" ;;
        esac
        [ "$(wc -c <"$f")" -le 20000000 ] || echo "$f: larger than 20 MB"
    done
    # A path of one machine works on that machine.
    all_files | grep -v '^tests/tidy/' | xargs grep -InE '(^|[^A-Za-z0-9_.$}/-])/(home|root|Users|work|workspace)/[A-Za-z0-9_.]' | sed 's/$/   <- a path of one machine/'
    all_files | grep -v '^tests/tidy/' | xargs grep -InwE 'FIXME|XXX|HACK|TODO' | sed 's/$/   <- do it, or write an issue/'
    all_files | while read -r f; do
        case $(head -c 30 "$f" | tr -d '\000' | head -n 1) in
        '#!/bin/sh'*) sh -n "$f" 2>&1 ;;
        '#!'*bash*) bash -n "$f" 2>&1 ;;
        *) continue ;;
        esac
        [ -x "$f" ] || echo "$f: a script, but not executable"
    done
} 2>&1 | found
