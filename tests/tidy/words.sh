#!/bin/sh
# Errors speak Chinese too: every message, hint and reason that reaches an operator has its Chinese in common/daemon/words.c, with the same
# conversions in the same order; nothing there is for a text that the code does not say any more.
# Which texts: the literals at these places of these calls (FILE:NAME: of that file only), and in these functions those that are no call's
# argument (also in all *_outcome_text, and what these variables begin as). A command line to be typed, and what has no words, is the same in
# every language.
calls='request_error=3,4 request_errorf=3,4 request_words=2 words_in=2 client_complain=2 question_fail=3,4 question_refuse=3,4
    ask_fail=3,4 ask_refuse=3,4 act_fail=3,4 hub/decide.c:refuse=3,4 hub/backup.c:make_failed=2 hub/history.c:complain=2 hub/why.c:complain=2
    common/daemon/import.c:tell=3,4
    node/enrol.c:end=2,3 node/enrol.c:lost=2,3 node/enrol.c:rest=3,4 office_enrol_end=2 common/net/node_door.c:lost=3 common/wire/wire_enrol.h:X=5,6'
functions='backup_text policy_fault_text value_read read_date read_number read_money change_check fill_ops common/store/node_log.c:make
    common/store/node_log.c:node_edits office_areas_parse take_word hub/decide.c:move hub/decide.c:found plan_publish plan_rollback plan_halt
    take_record cmd_why question_purpose cmd_node_triage held_means held_next scope_means scope_next garbage_means garbage_next node/enrol.c:fell not_enrolled how_to_enrol take_paper take_papers may_watch
    refusal_text verdict_text audit_verdict_text auth_reason common/net/node_door.c:ending'
awk=$(cd "$(dirname "$0")" && pwd)/words.awk
. "$(dirname "$0")/../support/files.sh"
table=common/daemon/words.c
files 'common/*.[ch]' 'hub/*.[ch]' 'node/*.[ch]' | xargs awk -v TABLE=$table -v CALLS="$calls" -v FUNCTIONS="$functions" -f "$awk" | awk -F'\t' '
    function conversions(text,    all) {
        gsub(/%%/, "", text)
        while (match(text, /%[-+ #0]*([0-9]+|\*)?(\.([0-9]+|\*))?(hh|h|ll|l|z|j|t)?([a-zA-Z]|<[A-Z_a-z0-9]+>)/)) {
            all = all " " substr(text, RSTART, RLENGTH)
            text = substr(text, RSTART + RLENGTH)
        }
        return all
    }
    function has_words(text) {
        if (text ~ /^anjuctl [a-z]/)
            return 0
        if (text ~ /^--/)
            gsub(/--[a-z-]+|[^ ]*[0-9][^ ]*/, "", text)
        gsub(/%[-+ #0]*[0-9*]*(\.[0-9*]+)?(hh|h|ll|l|z|j|t)?([a-zA-Z]|<[A-Z_a-z0-9]+>)/, "", text)
        gsub(/`[^`]*`|\\n/, "", text)
        return text ~ /[A-Za-z][A-Za-z]/
    }
    $1 == "PAIR" {
        if ($3 in chinese)
            print $2 ": \"" $3 "\"   <- is here twice"
        chinese[$3] = $4
        at[$3] = $2
        if ($4 ~ /^[ -~]*$/)
            print $2 ": \"" $4 "\"   <- is no Chinese"
        if (conversions($3) != conversions($4))
            print $2 ": \"" $3 "\"   <- has" conversions($3) "; its Chinese has" conversions($4)
    }
    $1 == "TEXT" {
        said[$3] = 1
        if (has_words($3) && !($3 in where))
            where[$3] = $2
    }
    END {
        for (text in where)
            if (!(text in chinese))
                print where[text] ": \"" text "\"   <- has no Chinese"
        for (text in chinese)
            if (!(text in said))
                print at[text] ": \"" text "\"   <- is said nowhere any more"
    }' | sort | found
