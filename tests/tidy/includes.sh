#!/bin/sh
# Who may include whom (ARCHITECTURE.md), which library is used where, own header first, names with their folder.
. "$(dirname "$0")/../support/files.sh"
files '*.c' '*.h' | xargs awk '
    BEGIN {
        may["base"] = "base"
        may["model"] = "base model"
        may["sync"] = "base model sync"
        may["wire"] = "base model wire"
        may["store"] = "base model wire store"
        may["catalogue"] = "base model catalogue"
        may["net"] = "base net"
        may["daemon"] = "base model catalogue store daemon"
        may["engine"] = "base model sync wire store catalogue net daemon engine"
        # library header -> places where it may stand; tests may use all but generated code
        place["lmdb.h"] = "^common/store/lmdb\\.c$"
        place["zmq.h"] = "^common/net/"
        place["uv.h"] = "^(common/(net|daemon|engine)/|hub/main\\.c|node/main\\.c)"
        place["libpq-fe.h"] = "^hub/"
        place["seccomp.h"] = "^common/net/porter_work\\.c$"
        place["microhttpd.h"] = "^common/daemon/http\\.c$"
    }
    function say(text) { print FILENAME ":" FNR ": " text }
    FNR == 1 {
        n = split(FILENAME, part, "/")
        top = part[1]
        room = top == "common" && n > 2 ? part[2] : ""
        first = 1
        own = FILENAME
        if (!sub(/\.c$/, ".h", own) || (getline line < own) < 0) own = ""
        close(own)
        if (top == "common" && !(room in may)) say("common/" room " has no rule in tests/tidy/includes.sh; add one")
    }
    /^[ \t]*#[ \t]*include[ \t]/ {
        inc = $0
        quoted = inc ~ /include[ \t]*"/
        sub(/^[^<"]*[<"]/, "", inc)
        sub(/[>"].*/, "", inc)
        if (first && own != "" && inc != own) say("its own header must be included first: \"" own "\"")
        first = 0
        generated = inc ~ /\.pb-c\.h$/
        if (quoted && !generated && inc !~ /\//) say("\"" inc "\" is named without its folder")
        if (generated && room != "wire") say("generated code (" inc ") is used in common/wire only")
        if (inc in place && top != "tests" && FILENAME !~ place[inc]) say("<" inc "> has no place here: " place[inc])
        if (top == "common") {
            split(inc, to, "/")
            if (to[1] == "hub" || to[1] == "node" || to[1] == "tests") say("common may not include " inc)
            if (to[1] == "common" && (" " may[room] " ") !~ (" " to[2] " ")) say("common/" room " may not include " inc ": only " may[room])
            if ((room == "sync" || room == "model") && inc ~ /^(time|sys\/time|uv|zmq|lmdb)\.h$/) say("the core has no clock and no I/O: <" inc ">")
            if ((room == "sync" || room == "model") && inc == "common/base/clock.h") say("the core has no clock: time comes with an event")
        }
        if (top == "hub" && inc ~ /^(node|tests)\//) say("the hub may not include " inc)
        if (top == "node" && inc ~ /^(hub|tests)\//) say("the node may not include " inc)
        # What judges the product shares no code with it.
        if (FILENAME ~ /^tests\/city\// && inc ~ /^(common|hub|node)\//) say("tests/city shares no code with the product: " inc)
        if (FILENAME ~ /^tests\/sim\/oracle/ && inc ~ /^(common\/(sync|store|wire)|hub|node)\//) say("the oracle shares no code with the core: " inc)
    }' 2>&1 | found
