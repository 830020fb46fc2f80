# Checks the text form of Prometheus strictly: each family once and together, HELP, then TYPE, then samples; names, labels and values of the
# right form; no sample twice; counters named _total, histograms whole and growing; words in every HELP. Says each fault with its line.
function fault(text) { print FILENAME ":" FNR ": " text ": " $0; faults++ }
function family_of(name) {
    if (type[family] == "histogram" && (name == family "_bucket" || name == family "_sum" || name == family "_count")) return family
    return name
}
function close_histogram() {
    if (family != "" && type[family] == "histogram" && (!inf || count_of != last)) fault("histogram " family " is not whole")
}
/^# HELP / {
    close_histogram()
    family = $3
    if (family in seen) fault("a family comes twice")
    if (NF < 4) fault("HELP without words")
    if (family !~ /^anju_[a-z][a-z0-9_]*$/) fault("a name of another form")
    seen[family] = 1
    typed = samples = inf = 0
    last = -1
    bound_before = -1e308
    next
}
/^# TYPE / {
    if ($3 != family || typed) fault("TYPE out of place")
    if ($4 !~ /^(gauge|counter|histogram)$/ || NF != 4) fault("no such type")
    if ($4 == "counter" && family !~ /_total$/) fault("a counter ends with _total")
    if ($4 != "counter" && family ~ /_total$/) fault("only a counter ends with _total")
    type[family] = $4
    typed = 1
    next
}
/^#/ || /^$/ { fault("a line of no use"); next }
{
    if (!match($0, /^[a-z_]+({[a-z_]+="[^"\\{}]*"(,[a-z_]+="[^"\\{}]*")*})? (-?[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?)$/)) { fault("no sample"); next }
    name = $0
    sub(/[{ ].*/, "", name)
    key = $0
    sub(/ [^ ]*$/, "", key)
    value = $0
    sub(/^.* /, "", value)
    if (!typed || family_of(name) != family) fault("a sample outside its family")
    if (key in told) fault("a sample comes twice")
    if (type[family] == "counter" && value + 0 < 0) fault("a counter below zero")
    if (name == family "_bucket" && type[family] == "histogram") {
        bound = key
        sub(/.*le="/, "", bound)
        sub(/".*/, "", bound)
        if (value + 0 < last) fault("a bucket that shrinks")
        if (bound == "+Inf") inf = 1
        else if (bound + 0 <= bound_before || inf) fault("bounds out of order")
        bound_before = bound + 0
        last = value + 0
    }
    if (name == family "_count") count_of = value + 0
    told[key] = 1
    all++
}
END {
    close_histogram()
    if (all == 0) { print "no sample"; faults++ }
    exit faults > 0
}
