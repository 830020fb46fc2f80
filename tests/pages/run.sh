#!/bin/sh
# The hub's page in a browser, on a real hub with two hundred offices, a conflict and a quarantine: tests/pages/run.sh [FOLDER for screenshots]
cd "$(dirname "$0")/../.." || exit 2
. tests/e2e/start.sh
shots=${1:-$root/$B/log/screens}
mkdir -p "$shots"
make -s B="$B" "$B/tests/e2e/hostile" "$B/tests/pages/strangers" >&2 || exit 2
make -s B="$B" pages >&2 || die "the page's tests need the page: node, npm and a registry that answers"
make -s tests/pages/node_modules/.package-lock.json >&2 ||
    die "the page's tests need what tests/pages/package-lock.json names, and npm could not install it"
command -v chromium >/dev/null || die "the page's tests need chromium (deploy/setup test)"

offices=200
make_hub
start_hub
ctl hub policy publish deploy/policies/area-tree.yaml >/dev/null || exit 2
make_node n1 650299001001 样例一社区
make_node n2 650299001002 样例二社区
make_node n3 650299002001 样例四社区
for n in n1 n2; do start_node $n; done

# The others are enrolled and never come: what the page shows of them is what the hub knows.
"$B/tests/pages/strangers" $offices | tail -n +4 | while read -r i key; do
    printf '{"cmd":"node add","args":{"area":"650299%03d%03d","name":"样例%d社区","key":"%s"}}\n' $((i / 20 + 10)) $((i % 20 + 1)) "$i" "$key"
done >"$town/batch"
ctl hub batch <"$town/batch" >"$town/batch.said" || die "the offices were not enrolled: $(tail -n 1 "$town/batch.said")"

# A conflict: two offices write one field, neither knowing of the other.
person() { ctl "$1" -o jsonl put Person name="$2" phone=12900000000 $who | field id; }
id=$(person n1 王宇轩)
ctl n1 wait --caught-up --timeout 30 >/dev/null
ctl n2 adopt Person "$id" --reason "moved here" $who >/dev/null
ctl n2 wait --caught-up --timeout 30 >/dev/null
until_true 20 ctl n2 get Person "$id" $who || die "n2 did not get the record"
ctl n1 pause >/dev/null
ctl n2 pause >/dev/null
ctl n1 put Person "$id" phone=12900000001 $who >/dev/null
ctl n2 put Person "$id" phone=12900000002 $who >/dev/null
ctl n1 resume >/dev/null
ctl n2 resume >/dev/null

# A quarantine: an office writes into records that are not its own.
for name in 王欣怡 李子涵 张梓萱; do
    other=$(person n1 "$name")
    ctl n1 wait --acked --timeout 30 >/dev/null
    "$B/tests/e2e/hostile" "$town/n3.enrolment" "$town/n3.d/keys" 5 "overwrite=$other" >/dev/null
done
holds() { [ "$(status_of hub held)" -ge "$1" ] && [ "$(status_of hub conflicts)" -ge 1 ]; }
until_true 30 holds 3 || die "no quarantine: held $(status_of hub held), conflicts $(status_of hub conflicts)"
echo "a password for the page" | ctl hub account add zhang.wei >/dev/null || exit 2

# What the browser's test cannot do itself: `ask WORD` at the end of a fifo pair.
mkfifo "$town/orders" "$town/answers"
serve() {
    while read -r order rest; do
        case $order in
        put) ctl n1 put Person name="$rest" $who ;;
        stop-hub) stop hub ;;
        start-hub) start_hub ;;
        passwd) echo "another password here" | ctl hub account passwd zhang.wei ;;
        audit) ctl hub -o jsonl audit export $who | grep -F -e "$rest" | grep -v '"actor":null' ;;
        end) return 0 ;;
        esac >"$work/served" 2>&1
        echo "$? $(tr '\n' ' ' <"$work/served" | head -c 2000)"
    done
}
serve <"$town/orders" >"$town/answers" &
server=$!
PAGE=$(status_of hub page) SHOTS=$shots WWW=$B/www/hub ORDERS=$town/orders ANSWERS=$town/answers OFFICES=$offices \
    node tests/pages/page.mjs
code=$?
kill $server 2>/dev/null
exit $code
