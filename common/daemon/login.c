#include "common/daemon/login.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/invariant.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/base/utf8.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURES = 512, TOKEN_BYTES = 32 };

struct entry {
    struct account account;
    struct id16 id;
};

struct session {
    struct hash token; /* of the secret: memory that leaks is no session */
    char account[ACCOUNT_NAME_TEXT];
    bool used;
    uint64_t begun, seen; /* ms of the loop's clock */
};

struct failures {
    struct hash who;
    uint64_t since;
    unsigned count; /* 0: free */
};

/* A password to be hashed, or compared with a hash. */
struct hashing {
    uv_work_t work; /* first */
    struct logins *logins;
    struct hashing *next;
    char password[LIMIT_PASSWORD_BYTES + 1];
    char hash[ACCOUNT_HASH_TEXT];
    bool makes, good;
    void (*done)(struct hashing *h); /* takes; on the loop; good false also when it was not done */
    /* of a login */
    char name[ACCOUNT_NAME_TEXT];
    bool known;
    struct hash from[2];
    login_answer *answer;
    void *owner;
    /* of an order */
    struct request *request;
    bool is_new;
};

struct logins {
    uv_loop_t *loop;
    struct login_calls calls;
    struct entry *entries; /* owns; by name */
    size_t count;
    bool loaded, stopping;
    unsigned saving;
    struct session *sessions; /* owns; LIMIT_SESSIONS of them */
    struct failures *failures;
    struct hashing *waiting, **last, *running; /* owns */
    size_t waits;
    char nobody[ACCOUNT_HASH_TEXT]; /* compared with for a name that nobody has */
};

/* ---- accounts in memory */

static struct entry *find(const struct logins *l, const char *name) {
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->entries[i].account.name, name) == 0)
            return &l->entries[i];
    return NULL;
}

static int by_name(const void *x, const void *y) {
    return strcmp(((const struct entry *)x)->account.name, ((const struct entry *)y)->account.name);
}

static void keep(struct logins *l, const struct account *a, const struct id16 *id) {
    struct entry *e = find(l, a->name);
    if (e == NULL) {
        l->entries = memory_resize(l->entries, (l->count + 1) * sizeof *l->entries);
        e = &l->entries[l->count++];
    }
    e->account = *a;
    e->id = *id;
    qsort(l->entries, l->count, sizeof *l->entries, by_name);
}

static void forget(struct logins *l, const char *name) {
    struct entry *e = find(l, name);
    if (e == NULL)
        return;
    memmove(e, e + 1, (size_t)(l->entries + l->count - e - 1) * sizeof *e);
    l->count--;
}

size_t logins_count(const struct logins *l) {
    return l->count;
}

/* ---- sessions */

static void sessions_end(struct logins *l, const char *account) {
    for (size_t i = 0; i < LIMIT_SESSIONS; i++)
        if (strcmp(l->sessions[i].account, account) == 0)
            sodium_memzero(&l->sessions[i], sizeof l->sessions[i]);
}

static bool over(const struct session *s, uint64_t now) {
    return !s->used || now - s->begun > LIMIT_SESSION_MS || now - s->seen > LIMIT_SESSION_IDLE_MS;
}

/* A free place, or that of who was longest away. */
static struct session *place(struct logins *l) {
    struct session *best = &l->sessions[0];
    uint64_t now = uv_now(l->loop);
    for (size_t i = 0; i < LIMIT_SESSIONS; i++) {
        if (over(&l->sessions[i], now))
            return &l->sessions[i];
        if (l->sessions[i].seen < best->seen)
            best = &l->sessions[i];
    }
    return best;
}

static void session_begin(struct logins *l, const char *account, char token[LOGIN_TOKEN_TEXT]) {
    uint8_t secret[TOKEN_BYTES];
    struct session *s = place(l);
    entropy_fill(secret, sizeof secret);
    sodium_bin2hex(token, LOGIN_TOKEN_TEXT, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
    s->token = hash_of(bytes_text(token));
    memcpy(s->account, account, strlen(account) + 1);
    s->used = true;
    s->begun = s->seen = uv_now(l->loop);
}

static struct session *session_of(struct logins *l, const char *token) {
    struct hash wanted = hash_of(bytes_text(token));
    struct session *found = NULL;
    for (size_t i = 0; i < LIMIT_SESSIONS; i++)
        if (sodium_memcmp(&l->sessions[i].token, &wanted, sizeof wanted) == 0 && !over(&l->sessions[i], uv_now(l->loop)))
            found = &l->sessions[i];
    return found;
}

const char *login_account(struct logins *l, const char *token, bool person) {
    struct session *s = token == NULL || strlen(token) != LOGIN_TOKEN_TEXT - 1 ? NULL : session_of(l, token);
    if (s != NULL && person)
        s->seen = uv_now(l->loop);
    return s == NULL ? NULL : s->account;
}

void login_end(struct logins *l, const char *token) {
    struct session *s = token == NULL ? NULL : session_of(l, token);
    if (s != NULL)
        sodium_memzero(s, sizeof *s);
}

/* ---- wrong passwords */

static struct hash failure_key(const char *kind, const char *of) {
    return hash_of_two(bytes_text(kind), bytes_text(of));
}

static struct failures *failures_of(const struct logins *l, const struct hash *who) {
    uint64_t now = uv_now(l->loop);
    for (size_t i = 0; i < FAILURES; i++) {
        struct failures *f = &l->failures[i];
        if (f->count > 0 && now - f->since > LIMIT_LOGIN_WINDOW_MS)
            f->count = 0;
        if (f->count > 0 && hash_equal(&f->who, who))
            return f;
    }
    return NULL;
}

/* The table is bounded: when it is full the oldest is forgotten. */
static void failed(struct logins *l, const struct hash *who) {
    struct failures *f = failures_of(l, who), *oldest = &l->failures[0];
    for (size_t i = 0; i < FAILURES && f == NULL; i++) {
        if (l->failures[i].count == 0)
            oldest = &l->failures[i];
        else if (oldest->count > 0 && l->failures[i].since < oldest->since)
            oldest = &l->failures[i];
    }
    if (f == NULL) {
        f = oldest;
        *f = (struct failures){.who = *who, .since = uv_now(l->loop)};
    }
    f->count++;
}

static bool too_often(const struct logins *l, const struct hash who[2]) {
    for (size_t i = 0; i < 2; i++) {
        const struct failures *f = failures_of(l, &who[i]);
        if (f != NULL && f->count >= LIMIT_LOGIN_TRIES)
            return true;
    }
    return false;
}

/* A try is counted before it is known to be wrong, so that many at once are no way around; a good one is taken back. */
static void take_back(struct logins *l, const struct hash *who, bool all) {
    struct failures *f = failures_of(l, who);
    if (f != NULL)
        f->count = all ? 0 : f->count - 1;
}

/* ---- hashing */

static void hash_works(uv_work_t *w) {
    struct hashing *h = (struct hashing *)w;
    size_t len = strlen(h->password);
    if (h->makes)
        h->good = crypto_pwhash_str(h->hash, h->password, len, crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0;
    else
        h->good = crypto_pwhash_str_verify(h->hash, h->password, len) == 0;
    sodium_memzero(h->password, sizeof h->password);
}

static void hash_next(struct logins *l);

static void hash_done(uv_work_t *w, int status) {
    struct hashing *h = (struct hashing *)w;
    struct logins *l = h->logins;
    h->good = h->good && status == 0;
    l->running = NULL;
    h->done(h);
    hash_next(l);
}

static void hash_next(struct logins *l) {
    struct hashing *h = l->waiting;
    if (h == NULL || l->running != NULL)
        return;
    l->waiting = h->next;
    if (l->waiting == NULL)
        l->last = &l->waiting;
    l->waits--;
    l->running = h;
    int r = uv_queue_work(l->loop, &h->work, hash_works, hash_done);
    invariant(r == 0); /* it only fails without a function */
}

static struct hashing *hashing_new(struct logins *l, void (*done)(struct hashing *h)) {
    struct hashing *h = memory_zeroed(1, sizeof *h);
    h->logins = l;
    h->done = done;
    return h;
}

static void hashing_submit(struct hashing *h) {
    struct logins *l = h->logins;
    *l->last = h;
    l->last = &h->next;
    l->waits++;
    hash_next(l);
}

static bool set_password(struct hashing *h, const char *password) {
    size_t len = strlen(password);
    if (len > LIMIT_PASSWORD_BYTES)
        return false;
    memcpy(h->password, password, len + 1);
    return true;
}

/* ---- logging in */

static void login_checked(struct hashing *h) {
    struct logins *l = h->logins;
    const struct entry *e = find(l, h->name);
    char token[LOGIN_TOKEN_TEXT] = "";
    /* Removed or changed meanwhile is wrong too. */
    bool good = h->good && h->known && e != NULL && strcmp(e->account.hash, h->hash) == 0;
    if (good) {
        take_back(l, &h->from[0], false);
        take_back(l, &h->from[1], true);
        session_begin(l, h->name, token);
    }
    h->answer(h->owner, good ? LOGIN_GOOD : l->stopping ? LOGIN_BUSY : LOGIN_WRONG, h->name, token);
    sodium_memzero(token, sizeof token);
    free(h);
}

void login_ask(struct logins *l, const char *name, const char *password, const char *address, login_answer *answer, void *owner) {
    struct hash from[2] = {failure_key("address", address), failure_key("name", name)};
    if (!account_name_good(name) || strlen(password) > LIMIT_PASSWORD_BYTES) {
        answer(owner, LOGIN_WRONG, "", "");
        return;
    }
    if (too_often(l, from)) {
        answer(owner, LOGIN_OFTEN, name, "");
        return;
    }
    if (!l->loaded || l->stopping || *l->nobody == '\0' || l->waits >= LIMIT_LOGIN_WAITING) {
        answer(owner, LOGIN_BUSY, name, "");
        return;
    }
    const struct entry *e = find(l, name);
    struct hashing *h = hashing_new(l, login_checked);
    set_password(h, password);
    h->known = e != NULL;
    memcpy(h->hash, e == NULL ? l->nobody : e->account.hash, sizeof h->hash);
    memcpy(h->name, name, strlen(name) + 1);
    memcpy(h->from, from, sizeof from);
    h->answer = answer;
    h->owner = owner;
    failed(l, &from[0]);
    failed(l, &from[1]);
    hashing_submit(h);
}

/* ---- saving */

struct saving {
    struct login_work work; /* first */
    struct logins *logins;
    struct request *request;
    struct account account;
    struct id16 id;
    bool drops;
};

static void save_works(struct login_work *w, struct txn *t) {
    struct saving *s = (struct saving *)w;
    if (s->drops)
        account_drop(t, &s->id);
    else
        account_put(t, &s->id, &s->account);
}

static void save_done(struct login_work *w, int result) {
    struct saving *s = (struct saving *)w;
    struct logins *l = s->logins;
    l->saving--;
    if (result != 0) {
        request_error(s->request, "busy", "the disk is full, or failed; nothing was changed", "free space on the disk, then again");
    } else {
        sessions_end(l, s->account.name);
        if (s->drops)
            forget(l, s->account.name);
        else
            keep(l, &s->account, &s->id);
        request_ok(
            s->request, json_pack(
                            "{s:s, s:s}", "account", s->account.name, "state",
                            s->drops                                ? "removed"
                            : s->account.made == s->account.changed ? "added"
                                                                    : "changed"));
    }
    sodium_memzero(&s->account, sizeof s->account);
    free(s);
}

static void save(struct logins *l, struct request *q, const struct account *a, bool drops) {
    struct saving *s = memory_zeroed(1, sizeof *s);
    s->work.work = save_works;
    s->work.done = save_done;
    s->logins = l;
    s->request = q;
    s->account = *a;
    s->id = l->calls.id(l->calls.owner, a->name);
    s->drops = drops;
    l->saving++;
    l->calls.write(l->calls.owner, &s->work);
}

/* ---- orders */

static void password_made(struct hashing *h) {
    struct logins *l = h->logins;
    const struct entry *e = find(l, h->name);
    if (!h->good) {
        request_error(h->request, "busy", "the password could not be hashed: memory is short, or the daemon stops", "again in a moment");
    } else if (h->is_new != (e == NULL)) {
        request_error(h->request, "conflict", "another order was faster", "`anjuctl account list`");
    } else {
        struct account a = {.changed = clock_wall()};
        a.made = e == NULL ? a.changed : e->account.made;
        a.changed += e != NULL && a.changed <= a.made ? a.made - a.changed + 1 : 0; /* of a clock that went back */
        memcpy(a.name, h->name, sizeof a.name);
        memcpy(a.hash, h->hash, sizeof a.hash);
        save(l, h->request, &a, false);
        sodium_memzero(&a, sizeof a);
    }
    sodium_memzero(h, sizeof *h);
    free(h);
}

static bool ready(const struct logins *l, struct request *q) {
    if (!l->loaded || l->stopping)
        request_error(q, "busy", "the accounts are being read", "again in a moment");
    return l->loaded && !l->stopping;
}

static void set(struct logins *l, struct request *q, bool is_new) {
    const char *name = request_text(q, "name"), *password = request_text(q, "password");
    if (!ready(l, q))
        return;
    if (name == NULL || !account_name_good(name))
        request_error(q, "bad_request", "an account's name has 1 to 32 of a-z 0-9 . _ -", "anjuctl account add zhang.wei");
    else if (password == NULL)
        request_error(q, "bad_request", "the password is missing", "anjuctl asks for it, or reads a line from standard input");
    else if (strlen(password) < LIMIT_PASSWORD_LEAST || strlen(password) > LIMIT_PASSWORD_BYTES || strcmp(password, name) == 0)
        request_errorf(
            q, "bad_request", "three or four words that do not belong together are long enough", "a password has %d to %d bytes",
            LIMIT_PASSWORD_LEAST, LIMIT_PASSWORD_BYTES);
    else if (is_new && find(l, name) != NULL)
        request_errorf(q, "conflict", "`anjuctl account passwd` gives it a new password", "there is an account %s", name);
    else if (!is_new && find(l, name) == NULL)
        request_errorf(q, "not_found", "`anjuctl account list`", "there is no account %s", name);
    else if (is_new && l->count >= LIMIT_ACCOUNTS)
        request_errorf(q, "conflict", "anjuctl account remove NAME", "there are %d accounts", LIMIT_ACCOUNTS);
    else if (l->waits >= LIMIT_LOGIN_WAITING)
        request_error(q, "busy", "too many passwords wait to be hashed", "again in a moment");
    else {
        struct hashing *h = hashing_new(l, password_made);
        set_password(h, password);
        memcpy(h->name, name, strlen(name) + 1);
        h->makes = true;
        h->is_new = is_new;
        h->request = q;
        hashing_submit(h);
    }
}

void login_cmd_add(struct logins *l, struct request *q) {
    set(l, q, true);
}

void login_cmd_passwd(struct logins *l, struct request *q) {
    set(l, q, false);
}

void login_cmd_remove(struct logins *l, struct request *q) {
    const char *name = request_text(q, "name");
    if (!ready(l, q))
        return;
    const struct entry *e = name == NULL ? NULL : find(l, name);
    if (e == NULL)
        request_errorf(q, "not_found", "`anjuctl account list`", "there is no account %s", name == NULL ? "" : name);
    else
        save(l, q, &e->account, true);
}

void login_cmd_list(struct logins *l, struct request *q) {
    if (!ready(l, q))
        return;
    for (size_t i = 0; i < l->count; i++) {
        const struct account *a = &l->entries[i].account;
        json_int_t sessions = 0;
        for (size_t k = 0; k < LIMIT_SESSIONS; k++)
            sessions += !over(&l->sessions[k], uv_now(l->loop)) && strcmp(l->sessions[k].account, a->name) == 0;
        request_row(
            q, json_pack(
                   "{s:s, s:I, s:I, s:I}", "account", a->name, "made_ms", (json_int_t)a->made, "changed_ms", (json_int_t)a->changed,
                   "sessions", sessions));
    }
    request_end(q);
}

/* ---- life */

struct loading {
    struct login_work work; /* first */
    struct logins *logins;
    struct entry *found; /* owns */
    size_t count, damaged;
};

static void load_each(void *owner, const struct id16 *id, const struct account *a) {
    struct loading *x = owner;
    x->found = memory_resize(x->found, (x->count + 1) * sizeof *x->found);
    x->found[x->count++] = (struct entry){.account = *a, .id = *id};
}

static void load_works(struct login_work *w, struct txn *t) {
    struct loading *x = (struct loading *)w;
    x->damaged = account_each(t, load_each, x);
}

static void load_done(struct login_work *w, int result) {
    struct loading *x = (struct loading *)w;
    struct logins *l = x->logins;
    l->saving--;
    for (size_t i = 0; i < x->count && result == 0; i++)
        keep(l, &x->found[i].account, &x->found[i].id);
    if (x->damaged > 0)
        log_fact(LOG_ERROR, "login.rotten", FACT_UINT("accounts", x->damaged), FACT_TEXT("do", "make them again; run anjuctl verify"));
    l->loaded = result == 0;
    free(x->found);
    free(x);
}

static void nobody_made(struct hashing *h) {
    memcpy(h->logins->nobody, h->good ? h->hash : "", h->good ? sizeof h->hash : 1);
    free(h);
}

struct logins *logins_open(uv_loop_t *loop, const struct login_calls *calls) {
    struct logins *l = memory_zeroed(1, sizeof *l);
    struct loading *x = memory_zeroed(1, sizeof *x);
    invariant(sodium_init() >= 0);
    l->loop = loop;
    l->calls = *calls;
    l->last = &l->waiting;
    l->sessions = memory_zeroed(LIMIT_SESSIONS, sizeof *l->sessions);
    l->failures = memory_zeroed(FAILURES, sizeof *l->failures);
    struct hashing *h = hashing_new(l, nobody_made);
    h->makes = true;
    entropy_fill(h->password, LIMIT_PASSWORD_LEAST);
    hashing_submit(h);
    x->work.work = load_works;
    x->work.done = load_done;
    x->logins = l;
    l->saving++;
    l->calls.write(l->calls.owner, &x->work);
    return l;
}

void logins_stop(struct logins *l) {
    if (l == NULL)
        return;
    l->stopping = true;
    while (l->waiting != NULL) {
        struct hashing *h = l->waiting;
        l->waiting = h->next;
        h->good = false;
        h->done(h);
    }
    l->last = &l->waiting;
    l->waits = 0;
    while (l->running != NULL || l->saving > 0)
        uv_run(l->loop, UV_RUN_ONCE);
}

struct logins *logins_close(struct logins *l) {
    if (l == NULL)
        return NULL;
    invariant(l->running == NULL && l->waiting == NULL && l->saving == 0);
    sodium_memzero(l->sessions, LIMIT_SESSIONS * sizeof *l->sessions);
    free(l->sessions);
    free(l->failures);
    if (l->entries != NULL)
        sodium_memzero(l->entries, l->count * sizeof *l->entries);
    free(l->entries);
    free(l);
    return NULL;
}
