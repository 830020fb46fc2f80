#!/bin/sh
# Every check of this folder can fail: a small clean tree passes all of them, then one wrong thing at a time turns one red.
cd "$(dirname "$0")/../.." || exit 2
. tests/support/check.sh
tidy=$PWD/tests/tidy
tree=$work/tree
mkdir -p "$tree/common/base" "$tree/common/sync" "$tree/common/store" "$tree/common/net" "$tree/common/daemon" "$tree/hub" "$tree/node" "$tree/proto" "$tree/tests/unit" "$tree/tests/e2e" "$tree/deploy/catalogue"
cp .clang-format "$tree/"
cd "$tree" || exit 2
git init -q . && printf '/build/\n' >.gitignore
TIDY_ROOT=$tree
B=build
export TIDY_ROOT B
printf '#pragma once\n\n#include <stdint.h>\n\nuint32_t twice(uint32_t n);\n' >common/base/twice.h
printf '#include "common/base/twice.h"\n\nuint32_t twice(uint32_t n) {\n    static const uint32_t factor = 2;\n    return n * factor;\n}\n' >common/base/twice.c
printf 'static const struct {\n    const char *en, *zh;\n} words[] = {\n    {"no node %%u has %%s", "节点%%u没有%%s"},\n};\n' >common/daemon/words.c
printf 'void request_errorf(void *q, ...);\n\nvoid say(void *q) {\n    request_errorf(\n        q, "code", "",\n        "no node %%u "\n        "has %%s");\n}\n' >hub/say.c
printf 'clean\n' >README.md
printf 'message Person {\n    bytes name = 1;\n}\n' >proto/person.proto
printf '#!/bin/sh\ncheck "it is there" true\n' >tests/e2e/test_there.sh
chmod +x tests/e2e/test_there.sh
printf 'all of `common/base/*.h`, `tests/e2e/test_there.sh`: "it is\nthere"\n' >deploy/SECURITY.md

compile() {
    for c in $(find common hub node -name '*.c'); do
        mkdir -p "build/obj/${c%/*}"
        gcc -I. -c "$c" -o "build/obj/${c%.c}.o" || return 1
    done
}
compile
for s in "$tidy"/[!t]*.sh "$tidy"/tree.sh; do
    check "a clean tree: ${s##*/}" "$s"
done

# red CHECK FILE TEXT…: a file with that text (printf) must turn the check red; afterwards the tree is clean again
red() {
    name=$1
    file=$2
    [ -f "$file" ] && cp "$file" "$work/kept" || rm -f "$work/kept"
    mkdir -p "$(dirname "$file")"
    # shellcheck disable=SC2059  the text is the format
    printf "$3" >"$file"
    [ "$name" != state ] || compile
    refuse "$name: $file: $4" "$tidy/$name.sh"
    if [ -f "$work/kept" ]; then mv "$work/kept" "$file"; else rm -f "$file" "build/obj/${file%.c}.o"; fi
}
no='int nothing;\n'
red format common/base/x.c 'int  nothing;\n' "two spaces"
red headers common/base/x.h '#pragma once\n\nuint32_t f(void);\n' "needs stdint.h"
red headers common/base/x.h "$no" "no #pragma once"
red includes common/base/x.c "#include \"common/sync/x.h\"\n$no" "base includes sync"
red includes common/sync/x.c "#include <time.h>\n$no" "a clock in the core"
red includes common/sync/x.c "#include \"common/base/clock.h\"\n$no" "our own clock in the core"
red includes common/store/x.c "#include <lmdb.h>\n$no" "LMDB beside lmdb.c"
red includes hub/x.c "#include <zmq.h>\n$no" "ZeroMQ outside net"
red includes hub/x.c "#include \"node/x.h\"\n$no" "the hub includes the node"
red includes common/net/x.c "#include \"wire.pb-c.h\"\n$no" "generated code outside wire"
red includes common/base/twice.c "#include <stdint.h>\n#include \"common/base/twice.h\"\n$no" "own header not first"
red includes common/base/x.c "#include \"twice.h\"\n$no" "no folder"
red includes common/extra/x.c "$no" "a folder without a rule"
red includes tests/city/x.c "#include \"common/base/twice.h\"\n$no" "the judge uses the product"
red state common/base/x.c 'int count;\n' "a global"
red state common/base/x.c 'int f(void) {\n    static int count;\n    return ++count;\n}\n' "a static local"
red state common/base/x.c '_Thread_local int count;\n' "a thread's global"
red tree scratch.txt 'x\n' "a stray file"
red tree common/base/x.o 'x\n' "an object file"
red tree common/base/x.c "/* see /h""ome/somebody/notes */\n$no" "a machine's path"
red tree common/base/x.c "/* TO""DO */\n$no" "a marker"
red tree deploy/x '#!/bin/sh\nif\n' "a script that does not parse"
red sleeps tests/unit/test_x.c 'void f(void) {\n    usleep(1000);\n}\n' "a sleep in C"
red sleeps tests/e2e/test_x.sh '#!/bin/sh\nsleep 1\n' "a sleep in a script"
red sleeps tests/e2e/test_x.sh '#!/bin/sh\nuntil_true 5 [ "$(now)" = 1 ]\n' "a condition that is expanded once"
red synthetic README.md "11010""119900307""7758\n" "an identity number"
red synthetic README.md "138""12345678\n" "a phone"
red refusals proto/person.proto 'message Person {\n    bytes religion = 9;\n}\n' "a refused field"
red refusals deploy/catalogue/person.yaml '民族: text\n' "a refused field in Chinese"
red refusals deploy/catalogue/person.yaml 'name: nativePlace\n' "a refused field in two words"
red refusals deploy/catalogue/person.yaml 'name: iris\n' "a refused field, a whole word"
red mutants tests/mutants/01-factor.patch '# thrice\n--- a/common/base/twice.c\n+++ b/common/base/twice.c\n@@ -3,3 +3,3 @@\n uint32_t twice(uint32_t n) {\n-    static const uint32_t factor = 4;\n+    static const uint32_t factor = 3;\n     return n * factor;\n' "a line that is not there"
red references README.md 'see `common/base/gone.h`\n' "a path that is gone"
red references deploy/BACKUP.md 'all of `tests/gone/test_*.sh` here\n' "a pattern that finds nothing"
red references deploy/SECURITY.md '`tests/e2e/test_there.sh`: "it is"\n' "a check that is not there"
red references deploy/SECURITY.md '`tests/e2e/test_there.sh`: "it is there", "it is gone"\n' "the second of two"
red references deploy/SECURITY.md '`tests/e2e/test_there.sh`: it is there\n' "a check without quotes"
said='void more(void *q) {\n    request_error'
red words hub/x.c "$said"'(q, "x", "it is full", "");\n}\n' "a message without Chinese"
red words hub/x.c "$said"'(q, "x", "", n > 0 ? "" : "look at the disk");\n}\n' "a hint without Chinese"
red words hub/x.c 'const char *x_outcome_text(int r) {\n    return r == 0 ? 0 : "it is full";\n}\n' "an outcome without Chinese"
red words hub/say.c '' "Chinese that nothing says"
say='static const struct {\n    const char *en, *zh;\n} words[] = {\n    {"no node %%u has %%s", '
red words common/daemon/words.c "$say"'"节点%%s没有%%u"},\n};\n' "conversions in another order"
red words common/daemon/words.c "$say"'"节点%%lu没有%%s"},\n};\n' "another conversion"
red words common/daemon/words.c "$say"'"no node %%u %%s"},\n};\n' "a translation in English"
finish
