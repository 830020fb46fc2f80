/* Policies from the city's side: publishing, going back, ending. Whatever it is, it is a new version in one scope or several, signed, and
 * written as changes of the hub itself; what has been published stays. The catalogue's documents are policies too, and those of a folder
 * are published at the hub's start. */
#include "hub/policy.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/daemon/words.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PURPOSE_ADMINISTRATION = 1, PLANS_MAX = 64 };

/* ---- the root: policy.root in the data folder names the keys; its hash is what enrolments name */

bool policy_root_make(const struct city *c, struct buffer *out) {
    struct policy_root root = {.count = 1, .threshold = (unsigned)settings_number(c->settings, "policy_threshold")};
    const char *more = settings_text(c->settings, "policy_signers");
    memcpy(root.keys[0], c->policy_keys.public.sign, POLICY_KEY_BYTES);
    while (*more != '\0') {
        CLEANUP(buffer_close) struct buffer key = {0};
        size_t len = strcspn(more, ", ");
        if (len != (size_t)2 * POLICY_KEY_BYTES || !hex_decode(more, len, &key) || root.count == POLICY_KEYS_MAX ||
            policy_root_has(&root, key.at))
            return false;
        memcpy(root.keys[root.count++], key.at, POLICY_KEY_BYTES);
        more += len + strspn(more + len, ", ");
    }
    policy_root_text(&root, out);
    return root.threshold <= root.count;
}

static void city_root(const struct city *c, struct policy_root *out) {
    policy_root_parse(buffer_bytes(&c->policy_root), out);
}

bool policy_signer(const struct city *c, const uint8_t key[POLICY_KEY_BYTES]) {
    struct policy_root root;
    city_root(c, &root);
    return policy_root_has(&root, key);
}

/* ---- the catalogue's documents, those on the way among them */

/* From now on an enrolment file has these, and the next document is tried beside them. */
static void take_documents(struct city *city, struct buffer *documents /* takes */, struct catalogue *whole /* takes */) {
    catalogue_close(&city->catalogue);
    city->catalogue = *whole;
    *whole = (struct catalogue){.types = NULL};
    buffer_close(&city->documents);
    city->documents = *documents;
    *documents = (struct buffer){NULL, 0, 0};
}

/* Would these documents be a whole catalogue, and keep what the one in force has given? One bad document would stop every office's updates.
 */
static bool holds_together(struct city *city, struct buffer *documents /* taken when it does */, struct complaints *c) {
    struct catalogue whole = {.types = NULL};
    bool good = catalogue_add_all(&whole, buffer_bytes(documents), c) && catalogue_keeps(&city->catalogue, &whole, c);
    if (good)
        take_documents(city, documents, &whole);
    catalogue_close(&whole);
    return good;
}

static bool fits(struct city *city, const char *file, struct bytes text, struct complaints *c) {
    struct catalogue alone = {.types = NULL};
    struct buffer all = {0};
    bool good = catalogue_add(&alone, file, text, c); /* so that complaints name the file's lines */
    buffer_add(&all, buffer_bytes(&city->documents));
    catalogue_put(&all, text);
    good = good && holds_together(city, &all, c);
    buffer_close(&all);
    catalogue_close(&alone);
    return good;
}

/* ---- an act: what is to be published */

enum act_kind { ACT_PUBLISH, ACT_ROLLBACK, ACT_HALT };

struct act {
    struct hub_read read; /* first */
    struct city *city;
    struct request *request; /* NULL: our own */
    enum act_kind kind;
    bool draft;                      /* only say what would be signed */
    bool widen;                      /* what the same document has in narrower scopes ends */
    bool catalogue;                  /* counted in city->publishing */
    struct buffer what, name, basis; /* own; kind, name and basis */
    struct buffer body, signatures;  /* own */
    struct policy header;            /* PUBLISH: days, scope, open, supersedes */
    struct office_areas scopes;      /* where; ROLLBACK, HALT: one */
    int64_t back_to;                 /* ROLLBACK: 0 = the one before */
    struct policy_shelf shelf;       /* of the state */
    struct policy plans[PLANS_MAX];  /* what is published; slices are the act's or the shelf's */
    size_t plan_count, writes;
    struct buffer signed_plans[PLANS_MAX]; /* own */
    int result;
};

static void act_free(struct act *a) {
    if (a->catalogue && --a->city->publishing == 0)
        city_catalogue_load(a->city);
    for (size_t i = 0; i < a->plan_count; i++)
        buffer_close(&a->signed_plans[i]);
    policy_shelf_close(&a->shelf);
    buffer_close(&a->what);
    buffer_close(&a->name);
    buffer_close(&a->basis);
    buffer_close(&a->body);
    buffer_close(&a->signatures);
    free(a);
}

static void act_fail(struct act *a, const char *code, const char *message, const char *hint) {
    if (a->request != NULL)
        request_error(a->request, code, message, hint);
    else if (strcmp(code, "conflict") != 0) /* the same text again is what a restart publishes */
        log_fact(LOG_ERROR, "policy.not_published", FACT_TEXT("name", buffer_string(&a->name)), FACT_TEXT("why", message));
    act_free(a);
}

/* The newest version of a chain; NULL: none. */
static const struct policy *newest(const struct act *a, area scope) {
    const struct policy *best = NULL;
    for (size_t i = 0; i < a->shelf.count; i++) {
        const struct policy *p = &a->shelf.taken[i];
        if (p->scope == scope && bytes_equal(p->kind, buffer_bytes(&a->what)) && bytes_equal(p->name, buffer_bytes(&a->name)) &&
            (best == NULL || p->version > best->version))
            best = p;
    }
    return best;
}

static const struct policy *version_of(const struct act *a, area scope, int64_t version) {
    for (size_t i = 0; i < a->shelf.count; i++) {
        const struct policy *p = &a->shelf.taken[i];
        if (p->scope == scope && p->version == version && bytes_equal(p->kind, buffer_bytes(&a->what)) &&
            bytes_equal(p->name, buffer_bytes(&a->name)))
            return p;
    }
    return NULL;
}

static struct policy *plan(struct act *a, area scope) {
    const struct policy *last = newest(a, scope);
    struct policy *p = &a->plans[a->plan_count++];
    *p = a->header;
    p->kind = buffer_bytes(&a->what);
    p->name = buffer_bytes(&a->name);
    p->basis = buffer_bytes(&a->basis);
    p->scope = scope;
    p->version = last == NULL ? 1 : last->version + 1;
    if (p->supersedes < 0 || a->kind != ACT_PUBLISH)
        p->supersedes = p->version - 1;
    p->root = buffer_bytes(&a->city->policy_root);
    return p;
}

static void plan_body(struct policy *p, struct bytes body) {
    p->body = body;
    p->size = body.len;
    p->hash = hash_of(body);
}

static void plan_end(struct act *a, area scope) {
    struct policy *p = plan(a, scope);
    p->ended = true;
    p->from = city_day(clock_wall());
    p->to = POLICY_NEVER;
    p->supersedes = p->version - 1;
    plan_body(p, (struct bytes){NULL, 0});
}

static bool same_decision(const struct policy *a, const struct policy *b) {
    return hash_equal(&a->hash, &b->hash) && a->to == b->to && a->open == b->open && a->ended == b->ended;
}

static const char *plan_publish(struct act *a) {
    int64_t today = city_day(clock_wall());
    bool any = false;
    for (size_t i = 0; i < a->scopes.count; i++) {
        const struct policy *last = newest(a, a->scopes.areas[i]);
        struct policy *p = plan(a, a->scopes.areas[i]);
        plan_body(p, buffer_bytes(&a->body));
        if (p->supersedes >= p->version)
            return "it supersedes a version that is not there yet: leave the line out, and it takes the place of all before it";
        if (last != NULL && same_decision(last, p) && (last->from == p->from || (last->from <= today && p->from == today)))
            a->plan_count--;
        else
            any = true;
    }
    for (size_t i = 0; a->widen && i < a->shelf.count; i++) {
        const struct policy *p = &a->shelf.taken[i];
        if (p->scope != a->scopes.areas[0] && area_within(p->scope, a->scopes.areas[0]) && newest(a, p->scope) == p && !p->ended) {
            if (a->plan_count == PLANS_MAX)
                return "this ends more than 64 scopes at once: end some of them first";
            plan_end(a, p->scope);
            any = true;
        }
    }
    return any ? NULL : "this very text is published already";
}

static const char *plan_rollback(struct act *a) {
    const struct policy *last = newest(a, a->scopes.areas[0]), *old = NULL;
    if (last == NULL)
        return "there is no such policy in this scope";
    old = version_of(a, a->scopes.areas[0], a->back_to != 0 ? a->back_to : last->version - 1);
    if (old == NULL || old->ended)
        return "there is no such version to go back to; `policy halt` ends the policy in this scope";
    struct policy *p = plan(a, a->scopes.areas[0]);
    int64_t today = city_day(clock_wall());
    p->basis = old->basis;
    p->open = old->open;
    p->from = today;
    p->to = old->to;
    plan_body(p, old->body);
    return old->to < today ? "that version had a last day, which is over: publish its text with other days" : NULL;
}

static const char *plan_halt(struct act *a) {
    const struct policy *last = newest(a, a->scopes.areas[0]);
    if (last == NULL)
        return "there is no such policy in this scope";
    if (last->ended)
        return "it has ended in this scope already";
    plan_end(a, a->scopes.areas[0]);
    return NULL;
}

/* ---- signatures */

static void show_words(struct act *a) {
    for (size_t i = 0; i < a->plan_count; i++) {
        CLEANUP(buffer_close) struct buffer words = {0};
        char scope[AREA_TEXT];
        policy_words(&a->plans[i], &words);
        request_row(
            a->request, json_pack(
                            "{s:s, s:I, s:s#}", "scope", area_text(a->plans[i].scope, scope), "version", (json_int_t)a->plans[i].version,
                            "words", (const char *)words.at, (int)words.len));
    }
    request_end(a->request);
    act_free(a);
}

/* False: not by enough keys; it was answered. */
static bool sign_all(struct act *a) {
    struct policy_root root;
    city_root(a->city, &root);
    for (size_t i = 0; i < a->plan_count; i++) {
        struct policy *p = &a->plans[i];
        buffer_add(&a->signed_plans[i], buffer_bytes(&a->signatures));
        policy_sign(p, a->city->policy_keys.public.sign, a->city->policy_keys.sign_secret, &a->signed_plans[i]);
        p->signatures = buffer_bytes(&a->signed_plans[i]);
        unsigned have = policy_signers(p, &root), need = bytes_equal(p->kind, BYTES("hub_key")) ? 1 : root.threshold;
        if (have < need) {
            CLEANUP(buffer_close) struct buffer text = {0};
            buffer_format(
                &text,
                words_in(
                    a->request != NULL && request_chinese(a->request),
                    "version %" PRId64 " needs the signatures of %u policy keys and has %u"),
                p->version, need, have);
            act_fail(
                a, "denied", buffer_string(&text),
                "say it with --draft, sign the words elsewhere (anjuctl policy sign WORDS FILE --key KEY), then with --signatures; a text "
                "that is signed names its `from`");
            return false;
        }
    }
    return true;
}

/* ---- writing */

struct act_write {
    struct hub_write write; /* first */
    struct act *act;
};

static void answer(struct act *a) {
    json_t *scopes = json_array();
    char scope[AREA_TEXT];
    for (size_t i = 0; i < a->plan_count; i++)
        json_array_append_new(scopes, json_string(area_text(a->plans[i].scope, scope)));
    request_ok(
        a->request, json_pack(
                        "{s:s, s:s, s:I, s:b, s:o}", "kind", buffer_string(&a->what), "name", buffer_string(&a->name), "version",
                        (json_int_t)a->plans[0].version, "ended", a->plans[0].ended, "scopes", scopes));
}

static void written(struct hub_write *w, int result) {
    struct act *a = ((struct act_write *)w)->act;
    free(w);
    a->result = a->result == 0 ? result : a->result;
    if (--a->writes > 0)
        return;
    if (a->result == STORE_DISK_FULL)
        act_fail(a, "busy", "the disk is full; nothing was published", "free space on the hub's disk, then say it again");
    else if (a->result == HUB_WRITE_NOTED)
        act_fail(
            a, "busy", "it was noted, and is published when the hub can go on; do not say it again",
            "`anjuctl status` says what is in the way");
    else if (a->result != 0)
        act_fail(a, "internal", "it could not be saved", "look into the hub's log");
    else {
        if (a->request != NULL)
            answer(a);
        act_free(a);
    }
}

static struct act_write *write_new(struct act *a, uint32_t type, const struct id16 *id) {
    struct act_write *w = memory_zeroed(1, sizeof *w);
    w->act = a;
    w->write.type = type;
    w->write.record = *id;
    w->write.purpose = PURPOSE_ADMINISTRATION;
    w->write.actor = operator_id(a->city, a->request);
    w->write.has_uid = a->request != NULL;
    w->write.uid = a->request == NULL ? 0 : request_uid(a->request);
    w->write.done = written;
    return w;
}

static void write_all(struct act *a) {
    a->writes = 1; /* ours, so that the last of them is the last */
    for (size_t i = 0; i < a->plan_count; i++) {
        const struct policy *p = &a->plans[i];
        struct id16 id = policy_id(&a->city->who.city, p);
        struct act_write *w;
        for (unsigned part = 1; part < policy_parts(p); part++) { /* its parts first: an office looks when the envelope is there */
            struct id16 part_id = policy_part_id(&id, part);
            w = write_new(a, TYPE_POLICY_PART, &part_id);
            w->write.op_count = policy_part_ops(p, &id, part, &w->write.arena, w->write.ops);
            a->writes++;
            hub_engine_write(a->city->engine, &w->write);
        }
        w = write_new(a, TYPE_POLICY, &id);
        w->write.op_count = policy_ops(p, &w->write.arena, w->write.ops);
        a->writes++;
        log_fact(LOG_INFO, "policy.publish", FACT_TEXT("name", buffer_string(&a->name)), FACT_INT("version", p->version));
        hub_engine_write(a->city->engine, &w->write);
    }
    struct act_write *last = memory_zeroed(1, sizeof *last);
    last->act = a;
    written(&last->write, 0);
}

/* ---- from the look at the state to the writes */

static void act_works(struct hub_read *r, struct txn *state, struct txn *log) {
    struct act *a = (struct act *)r;
    (void)log;
    policy_shelf_of_hub(state, &a->shelf, &r->damaged);
}

static void act_done(struct hub_read *r, int result) {
    struct act *a = (struct act *)r;
    if (result != 0) {
        act_fail(a, "internal", "the store could not be read", "restart the hub and run `anjuctl verify`");
        return;
    }
    const char *why = a->kind == ACT_PUBLISH ? plan_publish(a) : a->kind == ACT_ROLLBACK ? plan_rollback(a) : plan_halt(a);
    if (why != NULL) {
        act_fail(a, "conflict", why, "`anjuctl policies` lists what there is");
        return;
    }
    for (size_t i = 0; i < a->plan_count; i++) {
        enum policy_fault f = policy_fits(&a->plans[i], a->shelf.taken, a->shelf.count, city_day(clock_wall()));
        if (f != POLICY_GOOD) {
            act_fail(a, "conflict", policy_fault_text(f), "give it other days, or say in the file which version it supersedes");
            return;
        }
    }
    if (a->draft)
        show_words(a);
    else if (sign_all(a))
        write_all(a);
}

static struct act *act_new(struct city *c, struct request *q, enum act_kind kind) {
    struct act *a = memory_zeroed(1, sizeof *a);
    a->city = c;
    a->request = q;
    a->kind = kind;
    a->read.work = act_works;
    a->read.done = act_done;
    a->draft = q != NULL && request_flag(q, "draft");
    return a;
}

static void act_submit(struct act *a) {
    hub_engine_read(a->city->engine, &a->read);
}

/* --signatures HEX,HEX: what `anjuctl policy sign` printed. */
static bool take_signatures(struct act *a) {
    const char *text = a->request == NULL ? NULL : request_text(a->request, "signatures");
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ", \n");
        if (len != (size_t)2 * (POLICY_KEY_BYTES + POLICY_SIGNATURE_BYTES) || !hex_decode(text, len, &a->signatures))
            return false;
        text += len + strspn(text + len, ", \n");
    }
    return true;
}

/* tried: the caller knows that it fits the catalogue. */
static bool publish(struct city *c, struct request *q, const char *file, struct bytes text, bool tried, struct complaints *wrong) {
    struct act *a = act_new(c, q, ACT_PUBLISH);
    const char *pilot = q == NULL ? NULL : request_text(q, "pilot"), *areas = NULL;
    struct document *d = NULL;
    bool good = policy_document_check(file, text, city_day(clock_wall()), &c->catalogue, wrong);
    if (good) {
        d = document_read(file, text, wrong);
        good = policy_header(d, city_day(clock_wall()), &a->header, wrong);
    }
    if (good) {
        buffer_add(&a->what, a->header.kind);
        buffer_add(&a->name, a->header.name);
        buffer_add(&a->basis, a->header.basis);
        a->scopes.areas[a->scopes.count++] = a->header.scope;
    }
    document_free(d);
    if (good && pilot != NULL) {
        areas = office_areas_parse(pilot, &a->scopes);
        good = areas == NULL;
        if (!good)
            complaints_say(wrong, "--pilot", areas);
    }
    a->widen = q != NULL && request_flag(q, "widen");
    if (good && !take_signatures(a))
        complaints_say(wrong, "--signatures", "what `anjuctl policy sign` printed belongs here");
    good = wrong->count == 0;
    if (good && text.len > LIMIT_POLICY_BYTES)
        complaints_say(wrong, file, "a policy has at most 1 MiB");
    a->catalogue = wrong->count == 0 && policy_is_catalogue(buffer_bytes(&a->what));
    if (good && a->catalogue && !tried && !a->draft)
        fits(c, file, text, wrong);
    if (wrong->count > 0) {
        a->catalogue = false;
        act_free(a);
        return false;
    }
    c->publishing += a->catalogue;
    buffer_add(&a->body, text);
    act_submit(a);
    return true;
}

void policy_put(struct city *c, struct request *q, struct bytes kind, struct bytes name, struct bytes body) {
    struct act *a = act_new(c, q, ACT_PUBLISH);
    a->draft = false;
    buffer_add(&a->what, kind);
    buffer_add(&a->name, name);
    buffer_add(&a->body, body);
    a->header = (struct policy){.from = city_day(clock_wall()), .to = POLICY_NEVER, .supersedes = -1};
    a->scopes.count = 1;
    act_submit(a);
}

void cmd_policy_publish(void *owner, struct request *q) {
    const char *text = request_text(q, "file");
    struct complaints wrong = {.count = 0};
    if (text == NULL)
        request_error(q, "bad_request", "which policy?", "anjuctl policy publish FILE.yaml");
    else if (!publish(owner, q, "policy", bytes_text(text), false, &wrong))
        request_error(q, "bad_request", buffer_string(&wrong.text), "correct the file, then publish it again");
    complaints_close(&wrong);
}

/* KIND/NAME, and --scope. False: it was answered, and the act is gone. */
static bool take_target(struct act *a) {
    const char *id = request_text(a->request, "policy"), *scope = request_text(a->request, "scope");
    const char *slash = id == NULL ? NULL : strchr(id, '/');
    area at = AREA_CITY;
    if (slash == NULL || slash == id || slash[1] == '\0')
        act_fail(a, "bad_request", "which policy? KIND/NAME", "`anjuctl policies` lists them");
    else if (scope != NULL && (!area_parse(bytes_text(scope), &at) || area_is_node(at)))
        act_fail(a, "bad_request", "--scope is a division code of 2, 4, 6, 9 or 12 digits; without it the whole city's is meant", "");
    else if (!take_signatures(a))
        act_fail(a, "bad_request", "--signatures: what `anjuctl policy sign` printed belongs here", "");
    else {
        buffer_add(&a->what, bytes_of(id, (size_t)(slash - id)));
        buffer_text(&a->name, slash + 1);
        a->scopes.areas[a->scopes.count++] = at;
        a->catalogue = policy_is_catalogue(buffer_bytes(&a->what));
        a->city->publishing += a->catalogue;
        return true;
    }
    return false;
}

void cmd_policy_rollback(void *owner, struct request *q) {
    struct act *a = act_new(owner, q, ACT_ROLLBACK);
    const char *to = request_text(q, "to");
    a->back_to = to == NULL ? 0 : strtoll(to, NULL, 10);
    if (to != NULL && a->back_to < 1)
        act_fail(a, "bad_request", "--to is the number of a version", "`anjuctl policy show KIND/NAME` lists them");
    else if (take_target(a))
        act_submit(a);
}

void cmd_policy_halt(void *owner, struct request *q) {
    struct act *a = act_new(owner, q, ACT_HALT);
    if (take_target(a))
        act_submit(a);
}

/* ---- the catalogue in force, and what the folder has beside it */

static int yaml_only(const struct dirent *d) {
    size_t len = strlen(d->d_name);
    return len > 5 && d->d_name[0] != '.' && strcmp(d->d_name + len - 5, ".yaml") == 0;
}

/* All of the folder or, when its documents do not fit each other and what is in force, none of it. */
static void publish_folder(struct city *c) {
    const char *folder = settings_text(c->settings, "catalogue");
    struct dirent **files = NULL;
    struct buffer all = {0}, *texts;
    struct complaints wrong = {.count = 0};
    int n = *folder == '\0' ? 0 : scandir(folder, &files, yaml_only, alphasort);
    if (n < 0)
        log_fact(LOG_WARNING, "catalogue.no_folder", FACT_TEXT("folder", folder));
    texts = memory_zeroed((size_t)(n > 0 ? n : 0) + 1, sizeof *texts);
    buffer_add(&all, buffer_bytes(&c->documents));
    for (int i = 0; i < n; i++) {
        struct buffer path = {0};
        struct catalogue alone = {.types = NULL};
        buffer_format(&path, "%s/%s", folder, files[i]->d_name);
        int r = file_read(buffer_string(&path), LIMIT_DOCUMENT_BYTES, &texts[i]);
        if (r != 0)
            complaints_say(&wrong, buffer_string(&path), strerror(-r));
        else if (catalogue_add(&alone, buffer_string(&path), buffer_bytes(&texts[i]), &wrong))
            catalogue_put(&all, buffer_bytes(&texts[i]));
        catalogue_close(&alone);
        buffer_close(&path);
    }
    bool good = wrong.count == 0 && holds_together(c, &all, &wrong);
    for (int i = 0; i < n; i++) {
        good = good && publish(c, NULL, files[i]->d_name, buffer_bytes(&texts[i]), true, &wrong);
        buffer_close(&texts[i]);
        free(files[i]);
    }
    if (wrong.count > 0)
        log_fact(LOG_ERROR, "catalogue.refused", FACT_TEXT("folder", folder), FACT_TEXT("why", buffer_string(&wrong.text)));
    complaints_close(&wrong);
    buffer_close(&all);
    free(texts);
    free(files);
}

struct loading_catalogue {
    struct hub_read read; /* first */
    struct city *city;
    struct buffer documents; /* owns */
};

/* Of each type the widest scope's newest version: staged ones too, so that no office meets a type that its enrolment file lacks. */
static bool counts_more(const struct policy *p, const struct policy *than) {
    if (p->scope != than->scope)
        return area_within(than->scope, p->scope);
    return p->version > than->version;
}

static void load_works(struct hub_read *r, struct txn *state, struct txn *log) {
    struct loading_catalogue *l = (struct loading_catalogue *)r;
    struct policy_shelf s;
    (void)log;
    policy_shelf_of_hub(state, &s, &r->damaged);
    for (size_t i = 0; i < s.count; i++) {
        const struct policy *p = &s.taken[i];
        bool best = policy_is_catalogue(p->kind) && !p->ended;
        for (size_t k = 0; k < s.count && best; k++)
            best = k == i || s.taken[k].ended || !bytes_equal(s.taken[k].kind, p->kind) || !bytes_equal(s.taken[k].name, p->name) ||
                   !counts_more(&s.taken[k], p);
        if (best)
            catalogue_put(&l->documents, p->body);
    }
    policy_shelf_close(&s);
}

static void load_done(struct hub_read *r, int result) {
    struct loading_catalogue *l = (struct loading_catalogue *)r;
    struct city *c = l->city;
    struct catalogue now = {.types = NULL};
    struct complaints wrong = {.count = 0};
    bool first = !c->catalogue_known;
    bool good = catalogue_add_all(&now, buffer_bytes(&l->documents), &wrong);
    if (!good)
        log_fact(LOG_ERROR, "catalogue.broken", FACT_TEXT("why", buffer_string(&wrong.text)));
    if (c->publishing == 0 && result == 0 && ((good && r->whole) || first))
        take_documents(c, &l->documents, &now);
    c->catalogue_known = true;
    catalogue_close(&now);
    complaints_close(&wrong);
    buffer_close(&l->documents);
    free(l);
    if (first && result == 0)
        publish_folder(c);
}

void city_catalogue_load(struct city *c) {
    struct loading_catalogue *l = memory_zeroed(1, sizeof *l);
    l->city = c;
    l->read.work = load_works;
    l->read.done = load_done;
    hub_engine_read(c->engine, &l->read);
}
