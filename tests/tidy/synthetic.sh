#!/bin/sh
# Nobody real: identity numbers in the tree begin with 650299 or 99, which no division has, and phones with 129.
. "$(dirname "$0")/../support/files.sh"
{
    all_files | xargs grep -InoP '(?<![0-9A-Za-z.])(?!650299|99)[1-9][0-9]{5}(18|19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?![0-9A-Za-z])' |
        sed 's/$/   <- could be the identity number of a person/'
    all_files | xargs grep -InoP '(?<![0-9A-Za-z._-])1[3-9][0-9]{9}(?![0-9A-Za-z.])' | sed 's/$/   <- could be the phone of a person/'
} 2>&1 | found
