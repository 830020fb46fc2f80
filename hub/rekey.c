/* The hub's keys change: the next ones answer at a second endpoint, beside the first, until the operator says that all have moved. The feed
 * tells the nodes, signed by the keys that they know; who is away meanwhile still finds the first endpoint and hears of it there.
 *
 * On disk: `keys.next` and `next` (the two addresses, a line each) while it lasts. At the end `keys.next` takes the place of `keys`, then
 * `next` that of `moved`, which stands for `listen` and `advertise` from then on; a crash between the two is mended at the start. */
#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/daemon/words.h"
#include "common/engine/hub_move.h"
#include "hub/city.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PORT_WAIT_MS = 2000 };

static void path_of(const struct city *c, const char *name, struct buffer *out) {
    buffer_format(out, "%s/%s", settings_text(c->settings, "data"), name);
}

static int say(const char *what, const char *why) {
    fprintf(stderr, "anju-hub: %s: %s\n", what, why);
    return -1;
}

const struct keys *city_keys(const struct city *c) {
    return c->rekey == REKEY_NONE ? &c->keys : &c->next;
}

const char *city_door_endpoint(const struct city *c) {
    const char *advertised = *c->moved_advertise != '\0' ? c->moved_advertise : settings_text(c->settings, "advertise");
    return *advertised != '\0' ? advertised : porter_endpoint(c->porter);
}

const char *city_endpoint(const struct city *c) {
    if (c->rekey == REKEY_OPEN)
        return *c->next_advertise != '\0' ? c->next_advertise : porter_endpoint(c->next_porter);
    return city_door_endpoint(c);
}

const char *city_listen(const struct city *c) {
    return *c->moved_listen != '\0' ? c->moved_listen : settings_text(c->settings, "listen");
}

/* ---- the files */

/* Two lines: where it listens, what is told to nodes. All of it is there, durably, or nothing. */
static int write_addresses(const char *path, const char *listen, const char *advertise) {
    struct buffer text = {0}, half = {0};
    buffer_format(&text, "%s\n%s\n", listen, advertise);
    buffer_format(&half, "%s.half", path);
    int fd = open(buffer_string(&half), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0 ? 0 : -EIO;
    if (fd >= 0)
        close(fd);
    if (r == 0)
        r = keys_replace(path, buffer_string(&half));
    buffer_close(&text);
    buffer_close(&half);
    return r;
}

static bool take_address(char **rest, char out[ENDPOINT_MAX], bool may_be_empty) {
    char *line = strsep(rest, "\n");
    if (*rest == NULL || strlen(line) >= ENDPOINT_MAX || (*line == '\0' ? !may_be_empty : !endpoint_good(line, true)))
        return false;
    strcpy(out, line);
    return true;
}

/* False: the file is there and damaged. */
static bool read_addresses(const char *path, char listen[ENDPOINT_MAX], char advertise[ENDPOINT_MAX]) {
    struct buffer text = {0};
    int r = file_read(path, (size_t)4 * ENDPOINT_MAX, &text);
    char *rest = r == 0 ? memory_text(buffer_string(&text)) : NULL, *all = rest;
    bool good = r == -ENOENT || (r == 0 && take_address(&rest, listen, false) && take_address(&rest, advertise, true));
    free(all);
    buffer_close(&text);
    return good;
}

int rekey_load(struct city *c) {
    struct buffer keys = {0}, next = {0}, moved = {0};
    path_of(c, "keys.next", &keys);
    path_of(c, "next", &next);
    path_of(c, "moved", &moved);
    int r = keys_load(buffer_string(&keys), &c->next);
    if (r == KEYS_MISSING && access(buffer_string(&next), F_OK) == 0)
        r = keys_replace(buffer_string(&moved), buffer_string(&next)) == 0 ? KEYS_MISSING : -EIO; /* a crash came between */
    if (!read_addresses(buffer_string(&moved), c->moved_listen, c->moved_advertise))
        r =
            say(buffer_string(&moved),
                "damaged: it says where the hub listens since its keys changed: two lines, tcp://… and what nodes are told");
    if (r == KEYS_BROKEN || (r == 0 && access(buffer_string(&next), F_OK) != 0)) {
        log_fact(LOG_WARNING, "hub_key.half_made", FACT_TEXT("do", "nothing was announced; say hub-key rotate again"));
        r = unlink(buffer_string(&keys)) == 0 ? KEYS_MISSING : -EIO;
    }
    if (r == 0 && !read_addresses(buffer_string(&next), c->next_listen, c->next_advertise))
        r = say(
            buffer_string(&next), "damaged: it says where the hub answers with its next keys: two lines, tcp://… and what nodes are told");
    c->rekey = r == 0 ? REKEY_DUE : REKEY_NONE;
    if (r > 0 && r != KEYS_MISSING)
        r = say(buffer_string(&keys), keys_outcome_text(r));
    buffer_close(&keys);
    buffer_close(&next);
    buffer_close(&moved);
    return r == KEYS_MISSING ? 0 : r;
}

/* A free port that was taken stays the one: it is announced. */
static void keep_port(struct city *c) {
    const char *port = strrchr(c->next_listen, ':');
    struct buffer next = {0};
    path_of(c, "next", &next);
    if (port != NULL && strcmp(port, ":*") == 0) {
        snprintf(c->next_listen, sizeof c->next_listen, "%s", porter_endpoint(c->next_porter));
        int r = write_addresses(buffer_string(&next), c->next_listen, c->next_advertise);
        if (r != 0)
            log_fact(LOG_ERROR, "hub_key.port_not_kept", FACT_TEXT("why", strerror(-r)));
    }
    buffer_close(&next);
}

/* The same text again, after a restart, is no new version. */
static void announce(struct city *c, struct request *q) {
    struct buffer body = {0};
    hub_move_write(&c->who.city, &c->keys, &c->next.public, bytes_text(city_endpoint(c)), &body);
    policy_put(c, q, BYTES(HUB_MOVE_KIND), BYTES(HUB_MOVE_NAME), buffer_bytes(&body));
    buffer_close(&body);
}

/* ---- the second door, opened outside of the loop's callbacks: it knocks at itself, as the first does */

void rekey_open(struct city *c) {
    struct buffer door = {0};
    buffer_format(&door, "ipc://%s/%s", settings_text(c->settings, "data"), c->at_next_sock ? "door.sock" : "next.sock");
    int r = hub_engine_next_door(c->engine, buffer_string(&door), &c->next);
    if (r == 0 &&
        (r = porter_open(
             &c->loop, c->next_listen, PORT_WAIT_MS, buffer_string(&door) + strlen("ipc://"), &porter_rooms_nodes, &c->next_porter)) != 0)
        hub_engine_drop_door(c->engine, true);
    buffer_close(&door);
    struct request *q = c->rekey_asks;
    c->rekey_asks = NULL;
    c->rekey = r == 0 ? REKEY_OPEN : REKEY_NONE;
    if (r != 0) {
        log_fact(LOG_ERROR, "hub_key.not_open", FACT_TEXT("endpoint", c->next_listen), FACT_TEXT("why", strerror(-r)));
        if (q != NULL) {
            struct buffer keys = {0}, next = {0};
            path_of(c, "keys.next", &keys);
            path_of(c, "next", &next);
            unlink(buffer_string(&next));
            unlink(buffer_string(&keys));
            buffer_close(&keys);
            buffer_close(&next);
            request_errorf(
                q, "conflict", "another address or port; nothing was changed", "%s cannot be opened: %s", c->next_listen,
                words_errno(request_chinese(q), -r));
        } else {
            c->rekey = REKEY_DUE; /* it was announced: it must be opened */
        }
        return;
    }
    log_fact(LOG_INFO, "hub_key.open", FACT_TEXT("endpoint", porter_endpoint(c->next_porter)));
    keep_port(c);
    announce(c, q);
}

void rekey_stop(struct city *c) {
    if (c->rekey_asks != NULL)
        request_error(
            c->rekey_asks, "busy", "the hub is stopping; the change goes on when it starts", "`anjuctl status` then says how far it is");
    c->rekey_asks = NULL;
}

/* ---- commands */

void cmd_hub_key_rotate(void *owner, struct request *q) {
    struct city *c = owner;
    const char *endpoint = request_text(q, "endpoint"), *advertise = request_text(q, "advertise");
    struct buffer keys = {0}, next = {0};
    if (c->rekey != REKEY_NONE) {
        request_error(
            q, "conflict", "the hub's keys are changing already", "`anjuctl status` names who has not moved; then anjuctl hub-key retire");
        return;
    }
    if (endpoint == NULL || strlen(endpoint) >= ENDPOINT_MAX || !endpoint_good(endpoint, true) ||
        (advertise != NULL && (strlen(advertise) >= ENDPOINT_MAX || !endpoint_good(advertise, false)))) {
        request_error(
            q, "bad_request", "where shall the hub answer with its new key? another port, beside the one that the offices know",
            "--endpoint tcp://[::]:7411 --advertise tcp://hub.example:7411");
        return;
    }
    path_of(c, "keys.next", &keys);
    path_of(c, "next", &next);
    int r = keys_make(buffer_string(&keys), &c->next);
    if (r == 0 && (r = write_addresses(buffer_string(&next), endpoint, advertise == NULL ? "" : advertise)) != 0)
        unlink(buffer_string(&keys));
    if (r != 0) {
        request_errorf(
            q, "busy", "free space on the disk, or look at it", "the new keys could not be saved: %s",
            request_words(q, keys_outcome_text(r)));
    } else {
        strcpy(c->next_listen, endpoint);
        strcpy(c->next_advertise, advertise == NULL ? "" : advertise);
        c->rekey = REKEY_DUE;
        c->rekey_asks = q;
        uv_stop(&c->loop);
    }
    buffer_close(&keys);
    buffer_close(&next);
}

static bool counts(const struct hub_peer *p) {
    return p->keyed && !p->link.revoked && !p->link.retired;
}

static size_t not_moved(const struct city *c) {
    size_t n = 0;
    for (size_t i = 0; i < hub_engine_peers(c->engine); i++)
        n += counts(hub_engine_peer(c->engine, i)) && !hub_engine_moved(c->engine, hub_engine_peer(c->engine, i));
    return n;
}

/* What was next is what the hub has: nothing holds the former secrets any more, and keys may change again. */
static void settle(struct city *c) {
    c->porter = porter_close(c->porter);
    hub_engine_drop_door(c->engine, false);
    c->keys = c->next;
    keys_forget(&c->next);
    c->porter = c->next_porter;
    c->next_porter = NULL;
    c->at_next_sock = !c->at_next_sock;
    strcpy(c->moved_listen, c->next_listen);
    strcpy(c->moved_advertise, c->next_advertise);
    c->rekey = REKEY_NONE;
    enrol_rekeyed(c);
}

/* Who and what would be left behind; true: that is said, and nothing is done. */
static bool retire_waits(const struct city *c, struct request *q, size_t left, size_t tokens, const char *ids) {
    if (c->rekey != REKEY_OPEN)
        request_error(q, "conflict", "no change of the hub's keys is under way", "anjuctl hub-key rotate --endpoint tcp://[::]:7411");
    else if (left > 0 && !request_flag(q, "now"))
        request_errorf(
            q, "conflict", "`anjuctl nodes` names them; --now closes it all the same: they must be given new enrolment files by hand",
            "%zu offices have not come by the new endpoint yet", left);
    else if (tokens > 0 && !request_flag(q, "now"))
        request_errorf(
            q, "conflict", "let them be brought, or revoke them; --now closes it all the same: they must be made again",
            "%zu tokens name the former key, and can bring a machine only until it goes: %s", tokens, ids);
    else
        return false;
    return true;
}

void cmd_hub_key_retire(void *owner, struct request *q) {
    struct city *c = owner;
    struct buffer keys = {0}, next = {0}, to = {0}, moved = {0}, ids = {0};
    size_t left = not_moved(c), tokens = enrol_waiting(c, &ids);
    char text[PUBLIC_TEXT];
    path_of(c, "keys", &keys);
    path_of(c, "keys.next", &next);
    path_of(c, "next", &to);
    path_of(c, "moved", &moved);
    bool waits = retire_waits(c, q, left, tokens, buffer_string(&ids));
    int r = waits ? 0 : keys_replace(buffer_string(&keys), buffer_string(&next));
    if (r == 0 && !waits)
        r = keys_replace(buffer_string(&moved), buffer_string(&to));
    if (r != 0) {
        request_errorf(
            q, "busy", "look at the disk; restart the hub", "the keys could not be put in place: %s", words_errno(request_chinese(q), -r));
    } else if (!waits) {
        settle(c);
        log_fact(LOG_WARNING, "hub_key.retired", FACT_UINT("left_behind", left), FACT_UINT("uid", request_uid(q)));
        if (tokens > 0)
            log_fact(
                LOG_WARNING, "enrol.outdated", FACT_TEXT("tokens", buffer_string(&ids)),
                FACT_TEXT("do", "make them again: anjuctl node token"));
        request_ok(
            q, json_pack(
                   "{s:s, s:s, s:I, s:s, s:s}", "public", public_text(&c->keys.public, text), "endpoint", city_endpoint(c), "left_behind",
                   (json_int_t)left, "outdated_tokens", buffer_string(&ids), "next",
                   "the former key is gone: make a backup, close the former port in the firewall, and write this endpoint into the "
                   "configuration (listen, advertise)"));
    }
    buffer_close(&keys);
    buffer_close(&next);
    buffer_close(&to);
    buffer_close(&moved);
    buffer_close(&ids);
}

/* ---- for status */

void rekey_status(const struct city *c, json_t *out, struct problems *problems) {
    static const char *const names[] = {"settled", "opening", "moving"};
    char text[PUBLIC_TEXT];
    bool moving = c->rekey == REKEY_OPEN;
    size_t left = moving ? not_moved(c) : 0;
    json_object_set_new(out, "public", json_string(public_text(&city_keys(c)->public, text)));
    json_object_set_new(out, "hub_key", json_string(names[c->rekey]));
    json_object_set_new(out, "former_endpoint", json_string(moving ? porter_endpoint(c->porter) : ""));
    json_object_set_new(out, "not_moved", moving ? json_integer((json_int_t)left) : json_null());
    if (moving && left > 0)
        problem_add(problems, PROBLEM_HUB_KEY_MOVING, "{s:I}", "count", (json_int_t)left);
    else if (moving)
        problem_add(problems, PROBLEM_HUB_KEY_MOVED, "{}");
    if (c->rekey == REKEY_DUE)
        problem_add(problems, PROBLEM_HUB_KEY_PORT, "{s:s}", "endpoint", c->next_listen);
}
