#include "common/catalogue/catalogue.h"

#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/base/memory.h"
#include "common/catalogue/banned.h"
#include "common/catalogue/policy.h"
#include "common/model/change.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const rules[] = {"last", "once", "both", "hub", "max", "min", "set", "ledger", "workflow", NULL};
static const char *const kinds[] = {"text", "number", "blob", "flag", "date", "money", "reference", "area", "list", "code", NULL};
static const char *const checks[] = {"gb11643", "gb32100", NULL};
static const char *const classes[] = {"public", "internal", "personal", "sensitive", NULL};

static int place(const char *const *list, const char *word) {
    for (int i = 0; word != NULL && list[i] != NULL; i++)
        if (strcmp(list[i], word) == 0)
            return i;
    return -1;
}

const char *show_rule_name(enum show_rule r) {
    return r < SHOW_RULES ? rules[r] : "?";
}

const char *record_class_name(enum record_class c) {
    return c <= CLASS_SENSITIVE ? classes[c] : "?";
}

bool rule_own_heads(enum show_rule r) {
    return r == SHOW_ONCE || r == SHOW_HUB || r == SHOW_MAX || r == SHOW_MIN;
}

bool rule_elements(enum show_rule r) {
    return r == SHOW_SET || r == SHOW_LEDGER || r == SHOW_WORKFLOW;
}

/* A word of a list, or a complaint that names the list. */
static int word_of(
    const struct document *d, const struct document_node *map, const char *key, const char *const *list, int standard,
    struct complaints *c) {
    const struct document_node *n = document_get(map, key);
    if (n == NULL)
        return standard;
    int at = place(list, document_text(n));
    if (at < 0) {
        struct buffer all = {0};
        for (size_t i = 0; list[i] != NULL; i++)
            buffer_format(&all, "%s%s", i == 0 ? "" : ", ", list[i]);
        document_complain(d, n, c, "%s is one of: %s", key, buffer_string(&all));
        buffer_close(&all);
        return standard;
    }
    return at;
}

static char *text_of(const struct document *d, const struct document_node *map, const char *key, bool needed, struct complaints *c) {
    const struct document_node *n = document_get(map, key);
    const char *text = document_text(n);
    if (n != NULL && text == NULL)
        document_complain(d, n, c, "%s: a word or text belongs here", key);
    else if (needed && (n == NULL || *text == '\0'))
        document_complain(d, n == NULL ? map : n, c, "%s is missing", key);
    return text == NULL || *text == '\0' ? NULL : memory_text(text);
}

/* The two names of a type or a field: neither may be one for what this system never holds. */
static void names_of(const struct document *d, const struct document_node *map, char **name, char **zh, struct complaints *c) {
    *name = text_of(d, map, "name", true, c);
    *zh = text_of(d, map, "zh", true, c);
    if (banned_word(*name) != NULL)
        document_complain(d, document_get(map, "name"), c, "%s: this system never holds such a thing", *name);
    if (banned_word(*zh) != NULL)
        document_complain(d, document_get(map, "zh"), c, "%s: this system never holds such a thing", *zh);
}

static uint32_t number_of(const struct document *d, const struct document_node *map, int64_t least, int64_t most, struct complaints *c) {
    int64_t v = 0;
    const struct document_node *n = document_get(map, "number");
    if (n == NULL)
        document_complain(d, map, c, "number is missing");
    else
        document_int(d, n, least, most, &v, c);
    return (uint32_t)v;
}

/* Beside a document's own keys stand those of its header, which policy_header reads. */
static void only_with_header(const struct document *d, const struct document_node *map, const char *const *own, struct complaints *c) {
    const char *all[24] = {NULL};
    size_t count = 0;
    for (size_t i = 0; policy_header_keys[i] != NULL; i++)
        all[count++] = policy_header_keys[i];
    for (size_t i = 0; own[i] != NULL; i++) {
        invariant(count + 1 < sizeof all / sizeof *all);
        all[count++] = own[i];
    }
    document_only(d, map, all, c);
}

static void field_close(struct catalogue_field *f) {
    free(f->name);
    free(f->zh);
    free(f->refers);
    free(f->unverified);
}

static void type_close(struct catalogue_type *t) {
    for (size_t i = 0; i < t->field_count; i++)
        field_close(&t->fields[i]);
    free(t->fields);
    free(t->name);
    free(t->zh);
    free(t->keep);
    t->workflow = workflow_free(t->workflow);
}

static void read_field(const struct document *d, const struct document_node *map, struct catalogue_field *f, struct complaints *c) {
    static const char *const keys[] = {"number", "name", "zh", "kind", "rule", "check", "refers", "unverified", "required", "about", NULL};
    if (document_kind(map) != DOCUMENT_MAP) {
        document_complain(d, map, c, "a field is written {number: 16, name: …, zh: …, kind: …}");
        return;
    }
    document_only(d, map, keys, c);
    f->number = number_of(d, map, FIELD_OWN, 4095, c);
    names_of(d, map, &f->name, &f->zh, c);
    f->kind = (enum value_kind)(word_of(d, map, "kind", kinds, 0, c) + 1);
    f->rule = (enum show_rule)word_of(d, map, "rule", rules, SHOW_LAST, c);
    f->check = (enum field_check)(word_of(d, map, "check", checks, -1, c) + 1);
    f->refers = text_of(d, map, "refers", f->kind == VALUE_REFERENCE, c);
    f->unverified = text_of(d, map, "unverified", false, c);
    if (document_get(map, "required") != NULL)
        document_bool(d, document_get(map, "required"), &f->required, c);
    if (document_get(map, "about") != NULL)
        document_bool(d, document_get(map, "about"), &f->about, c);
    if (f->about && (f->kind != VALUE_REFERENCE || rule_elements(f->rule)))
        document_complain(d, map, c, "only a reference with one value can say whom a record is about");
    if ((f->rule == SHOW_WORKFLOW) != (f->kind == VALUE_LIST))
        document_complain(d, map, c, "the events of a workflow, and nothing else, are lists: {kind: list, rule: workflow}");
    if (f->required && rule_elements(f->rule))
        document_complain(d, map, c, "what is added bit by bit cannot be required");
}

static void read_workflow(const struct document *d, const struct document_node *map, struct catalogue_type *t, struct complaints *c) {
    const struct document_node *n = document_get(map, "workflow");
    size_t fields = 0;
    for (size_t i = 0; i < t->field_count; i++)
        fields += t->fields[i].rule == SHOW_WORKFLOW;
    if (fields != (n != NULL))
        document_complain(d, n == NULL ? map : n, c, "a workflow belongs to exactly one field of rule workflow, and that to a workflow");
    if (n != NULL)
        t->workflow = workflow_read(d, n, c);
}

static void read_type(struct catalogue *k, const struct document *d, const struct document_node *map, struct complaints *c) {
    static const char *const own[] = {"number", "zh", "class", "keep", "fields", "workflow", NULL};
    struct catalogue_type t = {.number = 0};
    unsigned before = c->count;
    only_with_header(d, map, own, c);
    t.number = number_of(d, map, 1, 65535, c);
    names_of(d, map, &t.name, &t.zh, c);
    t.class = (enum record_class)word_of(d, map, "class", classes, CLASS_PERSONAL, c);
    t.keep = text_of(d, map, "keep", false, c);
    const struct document_node *list = document_get(map, "fields");
    if (list == NULL || document_kind(list) != DOCUMENT_LIST) {
        document_complain(d, list == NULL ? map : list, c, "fields is a list of fields");
    } else {
        t.fields = memory_zeroed(document_count(list) + 1, sizeof *t.fields);
        t.field_count = document_count(list);
        for (size_t i = 0; i < t.field_count; i++) {
            read_field(d, document_item(list, i), &t.fields[i], c);
            for (size_t b = 0; b < i; b++)
                if (t.fields[b].number == t.fields[i].number ||
                    (t.fields[b].name != NULL && t.fields[i].name != NULL && strcmp(t.fields[b].name, t.fields[i].name) == 0))
                    document_complain(d, document_item(list, i), c, "this number or name was given to a field before");
        }
    }
    read_workflow(d, map, &t, c);
    if (c->count > before) {
        type_close(&t);
        return;
    }
    k->types = memory_resize(k->types, (k->type_count + 1) * sizeof *k->types);
    k->types[k->type_count++] = t;
}

static void read_purposes(struct catalogue *k, const struct document *d, const struct document_node *map, struct complaints *c) {
    static const char *const keys[] = {"purposes", NULL}, *const own[] = {"number", "name", "zh", "types", "fields", NULL};
    const struct document_node *list = document_get(map, "purposes");
    only_with_header(d, map, keys, c);
    if (list == NULL || document_kind(list) != DOCUMENT_LIST) {
        document_complain(d, list == NULL ? map : list, c, "purposes is a list");
        return;
    }
    for (size_t i = 0; i < document_count(list); i++) {
        const struct document_node *n = document_item(list, i);
        document_only(d, n, own, c);
        k->purposes = memory_resize(k->purposes, (k->purpose_count + 1) * sizeof *k->purposes);
        struct catalogue_purpose *p = &k->purposes[k->purpose_count++];
        p->number = number_of(d, n, 1, 65535, c);
        p->name = text_of(d, n, "name", true, c);
        p->zh = text_of(d, n, "zh", true, c);
    }
}

bool catalogue_add(struct catalogue *k, const char *name, struct bytes text, struct complaints *c) {
    unsigned before = c->count;
    struct document *d = document_read(name, text, c);
    if (d == NULL)
        return false;
    const struct document_node *root = document_root(d);
    const char *kind = document_kind(root) == DOCUMENT_MAP ? document_text(document_get(root, "kind")) : NULL;
    if (kind != NULL && strcmp(kind, "record_type") == 0)
        read_type(k, d, root, c);
    else if (kind != NULL && strcmp(kind, "purposes") == 0)
        read_purposes(k, d, root, c);
    else
        document_complain(d, root, c, "kind is record_type or purposes");
    document_free(d);
    return c->count == before;
}

void catalogue_rules(struct bytes document, struct buffer *out) {
    struct complaints c = {.count = 0};
    struct document *d = document_read("", document, &c);
    const struct document_node *root = d == NULL ? NULL : document_root(d), *list = NULL;
    const char *kind = document_text(document_get(root, "kind"));
    int64_t type = 0, number;
    if (kind != NULL && strcmp(kind, "record_type") == 0 && document_int(d, document_get(root, "number"), 1, 65535, &type, &c))
        list = document_get(root, "fields");
    for (size_t i = 0; list != NULL && i < document_count(list); i++) {
        const struct document_node *f = document_item(list, i);
        int rule = place(rules, document_text(document_get(f, "rule")));
        if (rule <= SHOW_LAST || !document_int(d, document_get(f, "number"), FIELD_OWN, 4095, &number, &c))
            continue;
        struct field_rule one = {(uint32_t)type, (uint32_t)number, (enum show_rule)rule};
        buffer_add(out, bytes_of(&one, sizeof one));
    }
    document_free(d);
    complaints_close(&c);
}

/* The next document of a text with several; false at its end. */
static bool next_document(struct bytes *text, struct bytes *one) {
    static const char apart[] = "\n---\n";
    if (text->len == 0)
        return false;
    const uint8_t *end = memmem(text->at, text->len, apart, sizeof apart - 1);
    size_t len = end == NULL ? text->len : (size_t)(end - text->at);
    size_t skip = end == NULL ? text->len : len + sizeof apart - 1;
    *one = bytes_of(text->at, len);
    *text = bytes_of(text->at + skip, text->len - skip);
    return true;
}

bool catalogue_add_all(struct catalogue *k, struct bytes text, struct complaints *c) {
    bool good = true;
    struct bytes one;
    for (unsigned n = 1; next_document(&text, &one); n++) {
        struct buffer name = {0};
        buffer_format(&name, "catalogue document %u", n);
        good &= catalogue_add(k, buffer_string(&name), one, c);
        buffer_close(&name);
    }
    return good & catalogue_finish(k, c);
}

/* What a document is about: its kind and name. Empty: it cannot be read. */
static void subject_of(struct bytes document, struct buffer *out) {
    struct complaints c = {.count = 0};
    struct document *d = document_read("", document, &c);
    const struct document_node *root = d == NULL ? NULL : document_root(d);
    if (d != NULL && document_kind(root) == DOCUMENT_MAP) {
        const char *kind = document_text(document_get(root, "kind")), *name = document_text(document_get(root, "name"));
        buffer_format(out, "%s %s", kind == NULL ? "" : kind, name == NULL ? "" : name);
    }
    document_free(d);
    complaints_close(&c);
}

void catalogue_put(struct buffer *all, struct bytes one) {
    CLEANUP(buffer_close) struct buffer out = {0}, subject = {0}, other = {0};
    struct bytes rest = buffer_bytes(all), part;
    bool placed = false;
    subject_of(one, &subject);
    while (next_document(&rest, &part)) {
        buffer_clear(&other);
        subject_of(part, &other);
        bool same = subject.len > 0 && bytes_equal(buffer_bytes(&subject), buffer_bytes(&other));
        if (same && placed)
            continue;
        if (out.len > 0)
            buffer_text(&out, "\n---\n");
        buffer_add(&out, same ? one : part);
        placed = placed || same;
    }
    if (!placed) {
        if (out.len > 0)
            buffer_text(&out, "\n---\n");
        buffer_add(&out, one);
    }
    buffer_clear(all);
    buffer_add(all, buffer_bytes(&out));
}

static void complain(struct complaints *c, const char *what, const char *which) {
    buffer_format(&c->text, "catalogue: %s: %s\n", which, what);
    c->count++;
}

bool catalogue_finish(struct catalogue *k, struct complaints *c) {
    unsigned before = c->count;
    for (size_t i = 0; i < k->type_count; i++) {
        struct catalogue_type *t = &k->types[i];
        for (size_t b = 0; b < i; b++)
            if (k->types[b].number == t->number || strcasecmp(k->types[b].name, t->name) == 0)
                complain(c, "this number or name is used by two types", t->name);
        for (size_t f = 0; f < t->field_count; f++) {
            struct catalogue_field *x = &t->fields[f];
            const struct catalogue_type *to = x->refers == NULL ? NULL : catalogue_type(k, x->refers);
            if (x->refers != NULL && to == NULL)
                complain(c, "refers to a type that is not there", x->name);
            x->refers_type = to == NULL ? 0 : to->number;
            if (x->unverified != NULL && type_field(t, x->unverified) == NULL)
                complain(c, "unverified names a field that is not there", x->name);
        }
    }
    return c->count == before;
}

static void keeps_fields(const struct catalogue_type *old, const struct catalogue_type *new, struct complaints *c) {
    for (size_t i = 0; i < old->field_count; i++) {
        const struct catalogue_field *was = &old->fields[i], *is = type_field_number(new, was->number);
        if (is == NULL || strcmp(is->name, was->name) != 0 || is->kind != was->kind || is->rule != was->rule) {
            buffer_format(
                &c->text,
                "catalogue: %s.%s: number %u was given to it as %s, %s for ever; a field of another kind, rule or name takes a new "
                "number\n",
                old->name, was->name, was->number, value_kind_name(was->kind), show_rule_name(was->rule));
            c->count++;
        }
    }
}

bool catalogue_keeps(const struct catalogue *old, const struct catalogue *new, struct complaints *c) {
    unsigned before = c->count;
    for (size_t i = 0; i < old->type_count; i++) {
        const struct catalogue_type *was = &old->types[i], *is = catalogue_type_number(new, was->number);
        if (is == NULL || strcmp(is->name, was->name) != 0) {
            buffer_format(
                &c->text, "catalogue: %s: number %u was given to it for ever; another type takes a new number\n", was->name, was->number);
            c->count++;
        } else {
            keeps_fields(was, is, c);
            workflow_keeps(was->name, was->workflow, is->workflow, c);
        }
    }
    return c->count == before;
}

void catalogue_close(struct catalogue *k) {
    for (size_t i = 0; i < k->type_count; i++)
        type_close(&k->types[i]);
    for (size_t i = 0; i < k->purpose_count; i++) {
        free(k->purposes[i].name);
        free(k->purposes[i].zh);
    }
    free(k->types);
    free(k->purposes);
    *k = (struct catalogue){.types = NULL};
}

const struct catalogue_type *catalogue_type(const struct catalogue *k, const char *name) {
    for (size_t i = 0; i < k->type_count; i++)
        if (strcasecmp(k->types[i].name, name) == 0)
            return &k->types[i];
    return NULL;
}

const struct catalogue_type *catalogue_type_number(const struct catalogue *k, uint32_t number) {
    for (size_t i = 0; i < k->type_count; i++)
        if (k->types[i].number == number)
            return &k->types[i];
    return NULL;
}

const struct catalogue_field *type_field(const struct catalogue_type *t, const char *name) {
    for (size_t i = 0; i < t->field_count; i++)
        if (strcmp(t->fields[i].name, name) == 0)
            return &t->fields[i];
    return NULL;
}

const struct catalogue_field *type_field_number(const struct catalogue_type *t, uint32_t number) {
    for (size_t i = 0; i < t->field_count; i++)
        if (t->fields[i].number == number)
            return &t->fields[i];
    return NULL;
}

const struct catalogue_purpose *catalogue_purpose(const struct catalogue *k, const char *name) {
    for (size_t i = 0; i < k->purpose_count; i++)
        if (strcmp(k->purposes[i].name, name) == 0)
            return &k->purposes[i];
    return NULL;
}

const struct catalogue_purpose *catalogue_purpose_number(const struct catalogue *k, uint32_t number) {
    for (size_t i = 0; i < k->purpose_count; i++)
        if (k->purposes[i].number == number)
            return &k->purposes[i];
    return NULL;
}

bool catalogue_opens_restricted(const struct catalogue *k, uint32_t purpose) {
    const struct catalogue_purpose *p = catalogue_purpose_number(k, purpose);
    return p != NULL && (strcmp(p->name, "rights_request") == 0 || strcmp(p->name, "correction") == 0);
}

const char *catalogue_nearest_type(const struct catalogue *k, const char *name) {
    const char **names = memory_zeroed(k->type_count + 1, sizeof *names);
    for (size_t i = 0; i < k->type_count; i++)
        names[i] = k->types[i].name;
    const char *near = nearest_word(name, names);
    free(names);
    return near;
}

const char *type_nearest_field(const struct catalogue_type *t, const char *name) {
    const char **names = memory_zeroed(t->field_count + 1, sizeof *names);
    for (size_t i = 0; i < t->field_count; i++)
        names[i] = t->fields[i].name;
    const char *near = nearest_word(name, names);
    free(names);
    return near;
}

const char *common_field_name(uint32_t number) {
    static const char *const names[] = {"", "home", "deleted", "subject", "shared", "key", "taken_up"};
    return number > 0 && number < sizeof names / sizeof *names ? names[number] : NULL;
}

/* ---- checks */

static bool two_digits(const uint8_t *at, unsigned least, unsigned most) {
    unsigned v = (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
    return v >= least && v <= most;
}

static const char *check_identity(struct bytes t) {
    static const unsigned weight[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    unsigned sum = 0;
    struct value date;
    char day[11];
    if (t.len != 18)
        return "an identity number has 18 characters";
    for (size_t i = 0; i < 17; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return "the first 17 characters of an identity number are digits";
        sum += weight[i] * (unsigned)(t.at[i] - '0');
    }
    if (t.at[17] != (uint8_t) "10X98765432"[sum % 11])
        return "the last character of the identity number does not fit the others";
    for (size_t i = 0, o = 0; i < 8; i++) {
        if (i == 4 || i == 6)
            day[o++] = '-';
        day[o++] = (char)t.at[6 + i];
    }
    if (!two_digits(t.at + 10, 1, 12) || value_read(VALUE_DATE, bytes_of(day, 10), &date) != NULL)
        return "the birth date inside the identity number is no day";
    return NULL;
}

static const char *check_organisation(struct bytes t) {
    static const char letters[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    static const unsigned weight[17] = {1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28};
    unsigned sum = 0;
    if (t.len != 18)
        return "an organisation code has 18 characters";
    for (size_t i = 0; i < 18; i++) {
        const char *at = t.at[i] == 0 ? NULL : strchr(letters, t.at[i]);
        if (at == NULL)
            return "an organisation code has digits and capital letters without I, O, S, V, Z";
        if (i < 17)
            sum += weight[i] * (unsigned)(at - letters);
        else if ((31 - sum % 31) % 31 != (unsigned)(at - letters))
            return "the last character of the organisation code does not fit the others";
    }
    return NULL;
}

const char *field_check_text(enum field_check check, struct bytes text) {
    switch (check) {
    case CHECK_GB11643:
        return check_identity(text);
    case CHECK_GB32100:
        return check_organisation(text);
    case CHECK_NONE:
        break;
    }
    return NULL;
}
