#!/bin/sh
# Accounts of the page: made on admin.sock with a password that no command line has, in the audit log with who ordered it, sealed at rest.
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
make_hub
start_hub
word="three words together"

with() { # PASSWORD anjuctl-words…
    _password=$1
    shift
    printf '%s\n' "$_password" | ctl hub "$@"
}
check "an account, by standard input" with "$word" account add zhang.wei
check "… is listed" said zhang.wei ctl hub account list
check "… without a password or its hash" sh -c "! grep -e argon2 -e three '$work/.out'"
check "the same again" code_of 1 with "$word" account add zhang.wei
check "… says what to do" said "account passwd" with "$word" account add zhang.wei
check "a password in the command line" code_of 64 ctl hub account add li.na --password "$word"
check "… is not taken, and it says why" said "does not belong" ctl hub account add li.na --password="$word"
check "a short one" said "has 10 to 256 bytes" with short account add li.na
check "none" said "there is none" sh -c "'$bin/anjuctl' -s '$town/hub' account add li.na </dev/null"
check "a name that is none" said "1 to 32 of" with "$word" account add "Li Na"
check "nothing of these was made" sh -c "! '$bin/anjuctl' -s '$town/hub' account list | grep -q li"
check "not by status.sock" code_of 4 sh -c "echo '$word' | '$bin/anjuctl' -s '$town/hub/status.sock' account add li.na"
check "another password" with "another few words" account passwd zhang.wei
check "… of an account that is none" code_of 5 with "another few words" account passwd li.na
check "a second one" with "$word" account add li.na
check "… is taken away" ctl hub account remove li.na
check "… and is gone" code_of 5 ctl hub account remove li.na
check "the audit log has the orders" said "account add zhang.wei" ctl hub -o jsonl audit export $who
check "… each" grep -q "account passwd zhang.wei" "$work/.out"
check "… and no password" sh -c "! grep -e 'three words' -e 'another few' '$work/.out'"
check "the log neither" sh -c "! grep -e 'three words' -e 'another few' '$town/log/hub'"
stop hub
check "no name lies open on the disk" sh -c "! grep -rqa -e zhang.wei -e argon2id '$town/hub.d'"
start_hub
check "it is there after a restart" until_true 10 said zhang.wei ctl hub account list
check "… the removed one is not" sh -c "! grep -q li.na '$work/.out'"
check "its store is sound" ctl hub verify
finish
