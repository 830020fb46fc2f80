/* A machine that is enrolled, holds a true key, and speaks the protocol wrongly.
 *
 *   hostile ENROLMENT KEYS SECONDS ACT…
 *
 * ENROLMENT and KEYS are the files of its own node. Each ACT of `acts` greets anew, does its wrong for at most SECONDS, and prints one line
 * of what the hub answered. Prints its key first. */
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/engine/signed.h"
#include "common/model/value.h"
#include "common/net/node_door.h"
#include "common/wire/wire.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { MIB = 1 << 20, BATCH = 100, WAIT_MS = 30000, HELLO_MS = 1000, RECORD_TYPE = 32 };

struct hostile {
    uv_loop_t loop;
    uv_timer_t timer;
    bool late, up, welcome;
    struct node_door *door;
    struct keys keys;
    uint32_t node;
    area home;
    struct id16 incarnation;
    uint64_t seq, accepted, hlc;
    struct hash chain, accepted_chain;
    uint64_t session, nonce, credit, spent;
    uint64_t acks, refused, feeds, downs, sent;
    uint64_t until;                     /* ms: of the act */
    struct buffer last;                 /* owns: the last frame with a push */
    const struct keys *signer;          /* NULL: pushes go unsigned */
    uint8_t signature[SIGNATURE_BYTES]; /* of the last push */
    bool same_signature;                /* … is said again, whatever is pushed */
};

_Noreturn static void die(const char *what) {
    fprintf(stderr, "hostile: %s\n", what);
    exit(1);
}

/* ---- what the hub says */

static void heard_life(struct hostile *h, const struct life *lives, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (id_equal(&lives[i].incarnation, &h->incarnation)) {
            h->accepted = lives[i].acked;
            h->accepted_chain = lives[i].acked_hash;
        }
}

static void on_up(void *owner) {
    ((struct hostile *)owner)->up = true;
}

static void on_down(void *owner, const char *reason) {
    struct hostile *h = owner;
    (void)reason;
    h->up = h->welcome = false;
    h->downs++;
}

static void on_heard(void *owner, struct bytes frame) {
    struct hostile *h = owner;
    struct arena a = {.cap = LIMIT_DECODE_BYTES};
    struct message *m = memory_zeroed(1, sizeof *m);
    if (wire_unpack(frame, &a, m) != 0)
        die("the hub cannot be understood");
    switch (m->kind) {
    case MESSAGE_WELCOME:
        h->session = h->nonce = m->welcome.session;
        h->credit = m->welcome.credit;
        h->spent = 0;
        heard_life(h, m->welcome.lives, m->welcome.life_count);
        h->welcome = true;
        break;
    case MESSAGE_ACK:
        h->acks++;
        h->credit = m->ack.credit;
        heard_life(h, m->ack.lives, m->ack.life_count);
        break;
    case MESSAGE_REFUSE:
        h->refused++;
        break;
    case MESSAGE_FEED:
        h->feeds++;
        break;
    default:
        break;
    }
    free(m);
    arena_close(&a);
}

/* ---- waiting */

static void on_timer(uv_timer_t *t) {
    ((struct hostile *)t->data)->late = true;
}

static bool is_up(struct hostile *h) {
    return h->up;
}
static bool is_welcome(struct hostile *h) {
    return h->welcome;
}
static bool is_accepted(struct hostile *h) {
    return h->accepted >= h->seq;
}
static bool is_refused(struct hostile *h) {
    return h->refused > 0;
}
static bool never(struct hostile *h) {
    (void)h;
    return false;
}

static bool wait_for(struct hostile *h, bool (*what)(struct hostile *h), uint64_t ms) {
    h->late = false;
    uv_update_time(&h->loop); /* else the timer is due before the loop first waits, and nothing wakes it */
    uv_timer_start(&h->timer, on_timer, ms, 0);
    while (!what(h) && !h->late)
        uv_run(&h->loop, UV_RUN_ONCE);
    uv_timer_stop(&h->timer);
    return what(h);
}

static bool over(const struct hostile *h) {
    return clock_now() >= h->until;
}

/* ---- saying things */

/* True when it was taken; what finds no room in the queue is tried again. */
static bool say_frame(struct hostile *h, struct bytes frame) {
    while (h->up && !over(h)) {
        uv_run(&h->loop, UV_RUN_NOWAIT);
        if (node_door_send(h->door, frame)) {
            h->sent++;
            return true;
        }
    }
    return false;
}

static bool say(struct hostile *h, const struct message *m) {
    struct buffer frame = {0};
    if (wire_pack(m, &frame) != 0)
        die("a message cannot be packed");
    bool said = say_frame(h, buffer_bytes(&frame));
    if (m->kind == MESSAGE_PUSH) {
        buffer_close(&h->last);
        h->last = frame;
    } else {
        buffer_close(&frame);
    }
    return said;
}

static struct message hello_of(const struct hostile *h) {
    struct message m = {.kind = MESSAGE_HELLO};
    m.hello = (struct hello){.protocol_least = 1, .protocol_most = 1, .life_count = 1, .clock = clock_wall(), .nonce = h->nonce};
    m.hello.lives[0] =
        (struct life){.incarnation = h->incarnation, .first = 1, .last = h->seq, .acked = h->accepted, .acked_hash = h->accepted_chain};
    return m;
}

/* A session of its own for each act, from what the hub has accepted. */
static void greet(struct hostile *h) {
    uint64_t end = clock_now() + WAIT_MS;
    h->welcome = false;
    while (!h->welcome) {
        if (clock_now() > end)
            die("the hub does not welcome");
        if (!h->up) {
            node_door_connect(h->door);
            wait_for(h, is_up, HELLO_MS);
            continue;
        }
        struct message m = hello_of(h);
        h->until = end;
        say(h, &m);
        wait_for(h, is_welcome, HELLO_MS);
    }
    h->seq = h->accepted;
    h->chain = h->accepted_chain;
}

/* ---- changes and pushes */

struct batch {
    struct buffer raw;
    uint64_t first;
    uint32_t count;
    struct hash before, after;
};

static void add_packed(struct hostile *h, struct batch *b, uint64_t seq, struct bytes packed) {
    if (b->count == 0) {
        b->first = seq;
        b->before = b->after = h->chain;
    }
    b->count++;
    b->after = h->chain = wire_chain(&h->chain, packed);
    wire_batch_add(&b->raw, packed);
}

/* One change: a new record of `home`, or a text for `record`. */
static void add_change(struct hostile *h, struct batch *b, struct change *c, area home, struct id16 record) {
    struct buffer value = {0}, text = {0}, packed = {0};
    struct op ops[2] = {{.field = FIELD_OWN, .kind = OP_SET}, {.field = FIELD_HOME, .kind = OP_SET}};
    h->hlc = hlc_next(h->hlc, clock_wall());
    value_pack(&(struct value){.kind = VALUE_TEXT, .text = BYTES("not for this office to say")}, &text);
    value_pack(&(struct value){.kind = VALUE_AREA, .area = home}, &value);
    ops[0].value = buffer_bytes(&text);
    ops[1].value = buffer_bytes(&value);
    c->seq = ++h->seq;
    c->version.hlc = h->hlc;
    if (c->version.node == 0)
        c->version.node = h->node;
    if (c->name.node == 0)
        c->name.node = h->node;
    entropy_fill(&c->name.tag, sizeof c->name.tag);
    entropy_fill(&c->salt, sizeof c->salt);
    c->type = RECORD_TYPE;
    c->record = id_zero(&record) ? entropy_id() : record;
    c->actor = entropy_id();
    c->purpose = 2;
    c->ops = ops;
    c->op_count = id_zero(&record) ? 2 : 1;
    wire_change_pack(c, &packed);
    add_packed(h, b, c->seq, buffer_bytes(&packed));
    buffer_close(&value);
    buffer_close(&text);
    buffer_close(&packed);
}

static bool push_body(struct hostile *h, const struct batch *b, struct bytes body) {
    struct message m = {.kind = MESSAGE_PUSH};
    m.push = (struct push){
        .session = h->session,
        .incarnation = h->incarnation,
        .first = b->first,
        .count = b->count,
        .before = b->before,
        .after = b->after,
        .body = body};
    if (h->signer != NULL && !h->same_signature)
        push_sign(h->signer, h->node, &m.push, h->signature);
    if (h->signer != NULL)
        m.push.signature = bytes_of(h->signature, sizeof h->signature);
    h->spent += body.len;
    return say(h, &m);
}

static bool push(struct hostile *h, struct batch *b) {
    struct buffer body = {0};
    if (wire_batch_seal(buffer_bytes(&b->raw), &body) != 0)
        die("a batch cannot be sealed");
    bool said = push_body(h, b, buffer_bytes(&body));
    buffer_close(&body);
    buffer_close(&b->raw);
    *b = (struct batch){.count = 0};
    return said;
}

static void push_one(struct hostile *h, struct change c, area home, struct id16 record) {
    struct batch b = {.count = 0};
    add_change(h, &b, &c, home, record);
    push(h, &b);
}

static const struct id16 fresh = {{0}};
static const char *argument; /* of the act: what stands after its '=' */

static area other_area(void) {
    area a;
    if (argument == NULL || !area_parse(bytes_text(argument), &a))
        die("the act needs =AREA");
    return a;
}

/* ---- the acts */

static void act_legal(struct hostile *h) {
    push_one(h, (struct change){.seq = 0}, h->home, fresh);
    if (!wait_for(h, is_accepted, WAIT_MS))
        die("what is right is not accepted");
}

/* Again and again: the hub does not listen to greetings that come too soon after each other. */
static void say_until_refused(struct hostile *h, const struct message *hello) {
    do
        say(h, hello);
    while (!wait_for(h, is_refused, HELLO_MS) && h->up && !over(h));
    if (!is_refused(h))
        die("it is not refused");
}

/* A program of another time: it speaks a protocol that no hub has yet. */
static void act_newer(struct hostile *h) {
    struct message m = hello_of(h);
    m.hello.protocol_least = m.hello.protocol_most = 2;
    say_until_refused(h, &m);
}

/* Its log begins behind what the hub has. */
static void act_gap(struct hostile *h) {
    struct message m = hello_of(h);
    m.hello.lives[0].first = m.hello.lives[0].last = h->seq + 1000;
    say_until_refused(h, &m);
}

static void act_elsewhere(struct hostile *h) {
    push_one(h, (struct change){.seq = 0}, other_area(), fresh);
    wait_for(h, is_accepted, WAIT_MS);
}

static void act_overwrite(struct hostile *h) {
    struct id16 record;
    if (argument == NULL || !id_parse(argument, &record))
        die("the act needs =RECORD");
    push_one(h, (struct change){.seq = 0}, h->home, record);
    wait_for(h, is_accepted, WAIT_MS);
}

static void act_forge(struct hostile *h) {
    uint32_t victim = argument == NULL ? 0 : (uint32_t)strtoul(argument, NULL, 10);
    push_one(h, (struct change){.version.node = victim}, h->home, fresh);
    push_one(h, (struct change){.name.node = victim}, h->home, fresh);
    push_one(h, (struct change){.name.node = victim, .again = true}, h->home, fresh);
    wait_for(h, is_accepted, WAIT_MS);
}

/* What is no change, rightly signed. */
static void act_mumble(struct hostile *h) {
    struct batch b = {.count = 0};
    add_packed(h, &b, ++h->seq, BYTES("mumble"));
    push(h, &b);
    wait_for(h, is_accepted, WAIT_MS);
}

/* Each frame is a true push, once. */
static void act_replay(struct hostile *h) {
    act_legal(h);
    while (!over(h) && h->up)
        say_frame(h, buffer_bytes(&h->last));
}

static void act_chain(struct hostile *h) {
    for (unsigned i = 0; i < 20; i++) {
        struct batch b = {.count = 0};
        struct change c = {.seq = 0};
        uint64_t seq = h->seq;
        struct hash chain = h->chain;
        add_change(h, &b, &c, h->home, fresh);
        b.after.b[i] ^= 1;
        push(h, &b);
        h->seq = seq;
        h->chain = chain;
    }
    wait_for(h, never, 100);
    struct batch b = {.count = 0};
    struct change c = {.seq = 0};
    h->chain.b[0] ^= 1; /* it holds in itself, and follows nothing */
    add_change(h, &b, &c, h->home, fresh);
    push(h, &b);
    wait_for(h, never, 100);
}

/* What is right in all but its signature. */
static void act_signature(struct hostile *h, const struct keys *signer, bool same) {
    uint64_t seq = h->seq;
    struct hash chain = h->chain;
    h->signer = signer;
    h->same_signature = same;
    push_one(h, (struct change){.seq = 0}, h->home, fresh);
    wait_for(h, is_accepted, 1000);
    if (h->accepted > seq)
        die("it was accepted");
    h->signer = &h->keys;
    h->same_signature = false;
    h->seq = seq;
    h->chain = chain;
}

static void act_unsigned(struct hostile *h) {
    act_signature(h, NULL, false);
}

static void act_other_key(struct hostile *h) {
    struct keys other = h->keys;
    crypto_sign_ed25519_keypair(other.public.sign, other.sign_secret);
    act_signature(h, &other, false);
}

static void act_old_signature(struct hostile *h) {
    act_legal(h);
    act_signature(h, &h->keys, true);
}

static void act_garbage(struct hostile *h) {
    struct random r;
    static uint8_t noise[4096];
    random_seed(&r, 9);
    for (unsigned i = 0; i < 20000 && !over(h); i++) {
        random_fill(&r, noise, sizeof noise);
        say_frame(h, bytes_of(noise, random_below(&r, sizeof noise)));
    }
    struct message m = {.kind = MESSAGE_WELCOME}; /* a hub's word */
    m.welcome.session = h->session;
    for (unsigned i = 0; i < 100 && !over(h); i++)
        say(h, &m);
}

/* Every message kind, every field of it in turn, filled with a megabyte of empty values. */
static void act_empties(struct hostile *h) {
    struct buffer frame = {0};
    for (unsigned kind = 1; kind <= 14 && !over(h); kind++)
        for (unsigned field = 1; field <= 15 && !over(h); field++) {
            const uint32_t inner = MIB - 16;
            buffer_clear(&frame);
            buffer_u8(&frame, (uint8_t)(kind << 3 | 2));
            buffer_u8(&frame, (uint8_t)(0x80 | (inner & 0x7f)));
            buffer_u8(&frame, (uint8_t)(0x80 | (inner >> 7 & 0x7f)));
            buffer_u8(&frame, (uint8_t)(inner >> 14));
            for (unsigned i = 0; i < inner / 2; i++) {
                buffer_u8(&frame, (uint8_t)(field << 3 | 2));
                buffer_u8(&frame, 0);
            }
            say_frame(h, buffer_bytes(&frame));
        }
    buffer_close(&frame);
}

/* Small bodies that grow: 256 MiB of zeros, and as many as a batch may have at most. */
static void act_bombs(struct hostile *h) {
    static const size_t sizes[] = {256UL * MIB, LIMIT_BATCH_BYTES};
    for (unsigned k = 0; k < 2; k++) {
        struct batch b = {.first = h->seq + 1, .count = LIMIT_PUSH_CHANGES, .before = h->chain};
        void *zeros = memory_zeroed(1, sizes[k]), *body = memory_zeroed(1, MIB);
        size_t len = ZSTD_compress(body, MIB, zeros, sizes[k], 1);
        if (ZSTD_isError(len))
            die("zstd");
        for (unsigned i = 0; i < 2000 && !over(h); i++)
            push_body(h, &b, bytes_of(body, len));
        free(zeros);
        free(body);
    }
}

static void act_flood(struct hostile *h) {
    struct message hello = hello_of(h), pull = {.kind = MESSAGE_PULL}, report = {.kind = MESSAGE_REPORT};
    while (!over(h) && h->up) {
        pull.pull = (struct pull){.session = h->session, .areas = {h->home}, .area_count = 1, .bytes = MIB};
        pull.pull.loading[pull.pull.loading_count++] = (struct loading){.area = h->home};
        report.report = (struct report){.session = h->session};
        for (unsigned i = 0; i < 100; i++) {
            say(h, &pull);
            say(h, &report);
        }
        hello.hello.nonce = h->nonce;
        say(h, &hello);
    }
}

/* Pushes that follow, and no word of credit is minded. */
static void act_beyond(struct hostile *h) {
    struct buffer noise = {0};
    struct random r;
    random_seed(&r, 10);
    while (!over(h) && h->up) {
        struct batch b = {.first = h->seq + 1, .count = 1, .before = h->chain, .after = h->chain};
        struct change c = {.seq = 0};
        buffer_clear(&noise);
        random_fill(&r, buffer_grow(&noise, 900000), 900000);
        push_body(h, &b, buffer_bytes(&noise));
        b = (struct batch){.count = 0};
        add_change(h, &b, &c, h->home, fresh);
        b.first += 1000; /* a gap, too */
        push(h, &b);
    }
    buffer_close(&noise);
}

/* Out of scope, as much as credit allows. */
static void act_quarantine(struct hostile *h) {
    area elsewhere = other_area();
    while (!over(h) && h->up) {
        struct batch b = {.count = 0};
        for (unsigned i = 0; i < BATCH; i++) {
            struct change c = {.seq = 0};
            add_change(h, &b, &c, elsewhere, fresh);
        }
        push(h, &b);
        if (!wait_for(h, is_accepted, 2000))
            break; /* no credit any more */
    }
}

/* What is right, again and again, whatever the hub says of it. */
static void act_on(struct hostile *h) {
    while (!over(h)) {
        if (!h->up) {
            node_door_connect(h->door);
            wait_for(h, is_up, 200);
            continue;
        }
        h->seq = h->accepted;
        h->chain = h->accepted_chain;
        push_one(h, (struct change){.seq = 0}, h->home, fresh);
        wait_for(h, is_accepted, 100);
    }
}

static void new_keys(struct keys *out) {
    crypto_box_keypair(out->public.curve, out->curve_secret);
    crypto_sign_ed25519_keypair(out->public.sign, out->sign_secret);
}

/* New keys for this node. The argument says what is wrong: who signs as the old key, who as the new, or for which node; else nothing is. */
static void act_rekey(struct hostile *h) {
    const char *wrong = argument == NULL ? "" : argument;
    struct keys next, strange;
    uint8_t by_old[SIGNATURE_BYTES], by_new[SIGNATURE_BYTES];
    char text[PUBLIC_TEXT];
    struct message m = {.kind = MESSAGE_KEY_OFFER};
    new_keys(&next);
    new_keys(&strange);
    struct bytes public = bytes_text(public_text(&next.public, text));
    uint32_t node = strcmp(wrong, "node") == 0 ? h->node + 1 : h->node;
    key_offer_sign(strcmp(wrong, "old") == 0 ? &strange : &h->keys, node, public, by_old);
    key_offer_sign(strcmp(wrong, "new") == 0 ? &strange : &next, node, public, by_new);
    m.key_offer = (struct key_offer){h->session, public, bytes_of(by_old, sizeof by_old), bytes_of(by_new, sizeof by_new)};
    say(h, &m);
    wait_for(h, never, 1000);
}

static const struct {
    const char *name;
    void (*run)(struct hostile *h);
} acts[] = {
    {"legal", act_legal},
    {"on", act_on},
    {"elsewhere", act_elsewhere},
    {"overwrite", act_overwrite},
    {"forge", act_forge},
    {"mumble", act_mumble},
    {"replay", act_replay},
    {"chain", act_chain},
    {"garbage", act_garbage},
    {"empties", act_empties},
    {"unsigned", act_unsigned},
    {"other_key", act_other_key},
    {"old_signature", act_old_signature},
    {"bombs", act_bombs},
    {"flood", act_flood},
    {"beyond", act_beyond},
    {"quarantine", act_quarantine},
    {"rekey", act_rekey},
    {"newer", act_newer},
    {"gap", act_gap},
};

static void run_act(struct hostile *h, char *act, uint64_t seconds) {
    char *value = strchr(act, '=');
    if (value != NULL)
        *value = '\0';
    argument = value == NULL ? NULL : value + 1;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (strcmp(acts[i].name, act) != 0)
            continue;
        greet(h);
        h->acks = h->refused = h->feeds = h->downs = h->sent = 0;
        h->until = clock_now() + 1000 * seconds;
        acts[i].run(h);
        wait_for(h, never, 200);
        printf(
            "%s: sent %" PRIu64 " acks %" PRIu64 " refused %" PRIu64 " feeds %" PRIu64 " cut %" PRIu64 " accepted %" PRIu64 "\n", act,
            h->sent, h->acks, h->refused, h->feeds, h->downs, h->accepted);
        fflush(stdout);
        return;
    }
    die("there is no such act");
}

int main(int argc, char **argv) {
    struct hostile h = {.incarnation = entropy_id()};
    struct arena a = {.cap = 0};
    struct enrolment e;
    struct public_keys hub;
    struct buffer file = {0}, key = {0}, endpoint = {0};
    if (argc < 5) {
        fprintf(stderr, "hostile ENROLMENT KEYS SECONDS ACT...\n");
        return 64;
    }
    if (file_read(argv[1], MIB, &file) != 0 || wire_enrolment_unpack(buffer_bytes(&file), &a, &e) != 0 ||
        !public_parse(e.hub_public, &hub) || keys_load(argv[2], &h.keys) != 0)
        die("the node's files cannot be read");
    h.node = e.node;
    h.signer = &h.keys;
    h.home = e.served[0];
    hex_encode(bytes_of(h.keys.public.curve, KEY_BYTES), &key);
    printf("key %s\n", buffer_string(&key));
    fflush(stdout);
    uv_loop_init(&h.loop);
    uv_timer_init(&h.loop, &h.timer);
    h.timer.data = &h;
    struct node_door_calls calls = {on_up, on_down, on_heard, &h};
    buffer_add(&endpoint, e.endpoint);
    h.door = node_door_open(&h.loop, buffer_string(&endpoint), hub.curve, &h.keys, &calls);
    for (int i = 4; i < argc; i++)
        run_act(&h, argv[i], strtoull(argv[3], NULL, 10));
    h.door = node_door_close(h.door);
    uv_close((uv_handle_t *)&h.timer, NULL);
    uv_run(&h.loop, UV_RUN_DEFAULT);
    uv_loop_close(&h.loop);
    buffer_close(&file);
    buffer_close(&key);
    buffer_close(&endpoint);
    buffer_close(&h.last);
    arena_close(&a);
    return 0;
}
