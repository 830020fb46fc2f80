# Sourced by run.sh: how long an enrolled node waits and how much the hub grows while 5,000 sockets of an outsider are there, and how long
# another office waits for its Acks while an enrolled node floods. `row`, `anon`, `minus` and the city's functions are run.sh's.

grown=0
watch_growth() { # BEFORE: the most that the hub had more than that, while the file $town/watching is there
    while [ -e "$town/watching" ]; do
        _now=$(($(anon "$(pid_of hub)") - $1))
        [ "$_now" -le "$grown" ] || grown=$_now
        echo "$grown" >"$town/grown"
        until_true 1 test ! -e "$town/watching" || continue
    done
}

bounds_rows() {
    acks=$B/tests/bench/acks
    rm -rf "$town"/hub.d "$town"/n*.d "$town"/*.enrolment "$town"/hub.listen "$town"/hub
    make_hub
    start_hub
    make_node n1 650203001001 "office 1"
    start_node n1
    make_node n2 650203002002 "office 2"
    until_true 20 ctl n1 wait --caught-up --timeout 1
    "$acks" "$town/n1" 200 >"$town/quiet"
    before=$(anon "$(pid_of hub)")
    touch "$town/watching"
    watch_growth "$before" &
    watcher=$!
    for from in 127.0.0.2 127.0.0.1; do # another address than the node's, as on a network; then the node's own
        "$B/tests/e2e/outsider" "127.0.0.1:$(sed 's/.*://' "$town/hub.listen")" 5000 20 "$(cat "$town/hub.public")" $from >"$town/outsider" &
        outsider=$!
        until_true 20 grep -q "every socket" "$town/outsider" || true
        "$acks" "$town/n1" 100 10 >"$town/back.$from"
        wait $outsider
    done
    rm "$town/watching"
    wait $watcher
    row outsider.wait_longest ms "$(cut -d' ' -f3 "$town/back.127.0.0.2")" null 2000 1 5000
    row outsider.wait_p50 ms "$(cut -d' ' -f1 "$town/back.127.0.0.2")" null null 1 5000
    row outsider.same_address.wait_longest ms "$(cut -d' ' -f3 "$town/back.127.0.0.1")" null 2000 1 5000
    row outsider.hub_growth kB "$(cat "$town/grown")" null 65536 1 5000
    for act in replay garbage bombs flood beyond; do
        "$B/tests/e2e/hostile" "$town/n2.enrolment" "$town/n2.d/keys" 6 $act >"$town/hostile" &
        hostile=$!
        until_true 10 grep -q key "$town/hostile"
        "$acks" "$town/n1" 100 >"$town/during"
        wait $hostile
        row "hostile.$act.ack_p50" ms "$(cut -d' ' -f1 "$town/during")" "$(cut -d' ' -f1 "$town/quiet")" 2 1 100
    done
    row hostile.hub_growth kB "$(($(anon "$(pid_of hub)") - before))" null 65536 1 5
    stop_all
}
