# Literals of C sources, by the rules of words.sh: TEXT lines are what must have Chinese, PAIR lines what the table has.
#   TEXT \t file:line \t text      PAIR \t file:line \t english \t chinese
# A text stays as it is written in C, adjacent literals put together, PRIu64 and its like as <PRIu64>.
BEGIN {
    n = split(CALLS, c, " ")
    for (i = 1; i <= n; i++) {
        split(c[i], p, "=")
        calls[p[1]] = "," p[2] ","
    }
    n = split(FUNCTIONS, c, " ")
    for (i = 1; i <= n; i++)
        functions[c[i]] = 1
}

FNR == 1 {
    depth = braces = in_comment = pairs = 0
    text = had = func_name = candidate = last = variable = ""
}

function wanted(    d, name, key) {
    for (d = depth; d > 0 && call[d] == ""; d--)
        continue
    if (d > 0) {
        name = call[d]
        key = (FILENAME ":" name) in calls ? FILENAME ":" name : name
        return key in calls && index(calls[key], "," argument[d] ",") > 0
    }
    if (braces == 0)
        return variable in functions
    return func_name in functions || func_name ~ /_outcome_text$/ || (FILENAME ":" func_name) in functions
}

# The literal that has just ended, if there was one.
function flush() {
    if (had == "")
        return
    if (FILENAME == TABLE) {
        if (braces == 2 && ++pairs % 2 == 0)
            printf "PAIR\t%s\t%s\t%s\n", where, key_text, text
        key_text = text
    } else if (wanted())
        printf "TEXT\t%s\t%s\n", where, text
    had = text = ""
}

function punctuation(ch) {
    flush()
    if (ch == "(") {
        call[++depth] = last
        argument[depth] = 1
        if (depth == 1 && braces == 0 && candidate == "")
            candidate = last
    } else if (ch == ")" && depth > 0)
        depth--
    else if (ch == "," && depth > 0)
        argument[depth]++
    else if (ch == "{") {
        if (braces++ == 0)
            func_name = candidate
    } else if (ch == "}") {
        if (--braces == 0)
            func_name = candidate = ""
    } else if (ch == ";" && braces == 0)
        candidate = ""
    last = ""
}

{
    line = $0
    if (!in_comment && line ~ /^#(define|include|if|ifdef|ifndef|else|endif|undef|pragma)/) {
        if (line !~ /^#define .*\\$/)
            next
        sub(/^#define *[A-Za-z_0-9]*(\([A-Za-z_, ]*\))?/, "", line)
    }
    while (line != "") {
        if (in_comment) {
            if ((at = index(line, "*/")) == 0)
                break
            line = substr(line, at + 2)
            in_comment = 0
        } else if (match(line, /^[ \t\\]+/)) {
            line = substr(line, RLENGTH + 1)
        } else if (substr(line, 1, 2) == "/*") {
            in_comment = 1
            line = substr(line, 3)
        } else if (substr(line, 1, 2) == "//") {
            break
        } else if (match(line, /^"([^"\\]|\\.)*"/)) {
            if (had == "")
                where = FILENAME ":" FNR
            had = 1
            text = text substr(line, 2, RLENGTH - 2)
            line = substr(line, RLENGTH + 1)
        } else if (match(line, /^'([^'\\]|\\.)*'/)) {
            flush()
            line = substr(line, RLENGTH + 1)
        } else if (match(line, /^[A-Za-z_][A-Za-z_0-9]*/)) {
            word = substr(line, 1, RLENGTH)
            line = substr(line, RLENGTH + 1)
            if (had != "" && word ~ /^(PRI[a-zA-Z0-9]+|JSON_INTEGER_FORMAT)$/)
                text = text "<" word ">"
            else {
                flush()
                last = word == "return" || word == "if" || word == "else" || word == "sizeof" ? "" : word
            }
        } else if (match(line, /^[(){},;]/)) {
            punctuation(substr(line, 1, 1))
            line = substr(line, 2)
        } else {
            flush()
            if (substr(line, 1, 1) == "[")
                variable = last
            last = ""
            line = substr(line, 2)
        }
    }
}
