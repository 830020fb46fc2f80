/* Who may do more than look at a daemon's page: accounts with passwords, and the sessions of those who logged in.
 *
 * Accounts lie in the daemon's own store (store/accounts.h) and are all in memory, without passwords: of those only the argon2id hash is
 * kept. Hashing takes a tenth of a second and 64 MiB, so it is done on a thread, one after the other. Sessions are in memory alone: a
 * restart logs everybody out. Who tries wrong passwords is made to wait, by address and by name; a name that nobody has takes as long as
 * one that somebody has. */
#pragma once

#include "common/daemon/control.h"
#include "common/store/accounts.h"

struct logins;

/* Work on the store that has the accounts. */
struct login_work {
    void (*work)(struct login_work *w, struct txn *t); /* on the store's thread, in a write transaction */
    void (*done)(struct login_work *w, int result);    /* on the loop; not 0: nothing was written */
};
struct login_calls {
    void (*write)(void *owner, struct login_work *w /* takes; `done` gives it back */);
    struct id16 (*id)(void *owner, const char *name); /* of the account in the store */
    void *owner;                                      /* borrows */
};

struct logins *logins_open(uv_loop_t *loop, const struct login_calls *calls); /* gives; reads the accounts */
void logins_stop(struct logins *l /* may be NULL */); /* all that waits is answered busy; runs the loop until no thread hashes. While the
                                                         store still works: what is being saved ends */
struct logins *logins_close(struct logins *l /* takes, may be NULL */); /* after the store; returns NULL */
size_t logins_count(const struct logins *l);                            /* accounts; 0 also while they are read */

enum login_outcome {
    LOGIN_GOOD,
    LOGIN_WRONG,
    LOGIN_OFTEN, /* wrong too often in the last LIMIT_LOGIN_WINDOW_MS, from this address or for this name */
    LOGIN_BUSY,  /* too many at once, or the accounts are being read */
};
enum { LOGIN_TOKEN_TEXT = 65 /* a session's secret in hex, and the NUL */ };
typedef void login_answer(void *owner, enum login_outcome outcome, const char *account, const char *token /* GOOD: the new session's */);
void login_ask(
    struct logins *l, const char *name, const char *password, const char *address, login_answer *answer, void *owner); /* answered later */
/* The account of a session; NULL: there is none, or it is over. `person`: it is somebody's doing, not a timer's: the session lives on.
 * Borrows, until the loop goes on. */
const char *login_account(struct logins *l, const char *token /* may be NULL */, bool person);
void login_end(struct logins *l, const char *token /* may be NULL */);

/* The commands `account add|passwd|remove` NAME and `account list`. The password is the argument "password", never a word of a line. */
void login_cmd_add(struct logins *l, struct request *q /* takes */);
void login_cmd_passwd(struct logins *l, struct request *q /* takes */);
void login_cmd_remove(struct logins *l, struct request *q /* takes */);
void login_cmd_list(struct logins *l, struct request *q /* takes */);
