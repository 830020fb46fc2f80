#!/bin/sh
# Layout is the machine's business: clang-format 14 with .clang-format must leave every file as it is.
. "$(dirname "$0")/../support/files.sh"
files '*.c' '*.h' | xargs clang-format-14 --dry-run -Werror 2>&1 | grep -a 'error:' | sed 's/error:.*/clang-format would change this line; run clang-format-14 -i/' | found
