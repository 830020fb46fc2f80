/* Accounts of those who log in at the page: they lie in `hub-own`, beside the audit log that has what they did. */
#include "common/daemon/login.h"
#include "hub/city.h"

#include <stdlib.h>

/* Named as a person of the city's staff is: a login name that is also a clerk's is that clerk. */
struct id16 account_id(const struct city *c, const char *account) {
    return id_of_key(c->who.city_secret, TYPE_STAFF, bytes_text(account));
}

static struct id16 id_of(void *owner, const char *name) {
    return account_id(owner, name);
}

struct writing {
    struct hub_own_work own; /* first */
    struct login_work *work;
};

static void write_works(struct hub_own_work *w, struct txn *own) {
    struct writing *x = (struct writing *)w;
    x->work->work(x->work, own);
}

static void write_done(struct hub_own_work *w, int result) {
    struct writing *x = (struct writing *)w;
    x->work->done(x->work, result);
    free(x);
}

static void write_own(void *owner, struct login_work *w) {
    struct city *c = owner;
    struct writing *x = memory_zeroed(1, sizeof *x);
    x->own.work = write_works;
    x->own.done = write_done;
    x->work = w;
    hub_engine_own(c->engine, &x->own);
}

void accounts_open(struct city *c) {
    struct login_calls calls = {.write = write_own, .id = id_of, .owner = c};
    c->logins = logins_open(&c->loop, &calls);
}

void accounts_stop(struct city *c) {
    logins_stop(c->logins);
}

void accounts_close(struct city *c) {
    c->logins = logins_close(c->logins);
}

void cmd_account_add(void *owner, struct request *q) {
    login_cmd_add(((struct city *)owner)->logins, q);
}

void cmd_account_passwd(void *owner, struct request *q) {
    login_cmd_passwd(((struct city *)owner)->logins, q);
}

void cmd_account_remove(void *owner, struct request *q) {
    login_cmd_remove(((struct city *)owner)->logins, q);
}

void cmd_account_list(void *owner, struct request *q) {
    login_cmd_list(((struct city *)owner)->logins, q);
}
