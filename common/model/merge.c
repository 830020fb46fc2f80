#include "common/model/merge.h"

#include "common/base/invariant.h"

#include <string.h>

static int head_order(const struct head *h, struct version v, struct name n) {
    int r = version_compare(h->version, v);
    return r != 0 ? r : name_compare(h->name, n);
}

static size_t find(const struct head *list, size_t count, struct name name) {
    for (size_t i = 0; i < count; i++)
        if (name_equal(list[i].name, name))
            return i;
    return count;
}

static bool drop(struct head *list, size_t *count, struct name name) {
    size_t i = find(list, *count, name);
    if (i == *count)
        return false;
    memmove(list + i, list + i + 1, (*count - i - 1) * sizeof *list);
    --*count;
    return true;
}

static size_t early_at(const struct field *f, struct name name) {
    size_t i = 0;
    while (i < f->early_count && !name_equal(f->early[i], name))
        i++;
    return i;
}

static void early_add(struct field *f, struct name name, struct arena *a) {
    if (early_at(f, name) < f->early_count)
        return;
    struct name *more = arena_take(a, (f->early_count + 1) * sizeof *more);
    invariant(more != NULL);
    size_t at = 0;
    while (at < f->early_count && name_compare(f->early[at], name) < 0)
        at++;
    if (at > 0)
        memcpy(more, f->early, at * sizeof *more);
    if (at < f->early_count)
        memcpy(more + at + 1, f->early + at, (f->early_count - at) * sizeof *more);
    more[at] = name;
    f->early = more;
    f->early_count++;
}

/* `room`: how many fit where the list is; what was dropped from it just now made some. */
static void insert(struct head **list, size_t *count, size_t room, const struct head *new, struct arena *a) {
    size_t at = 0;
    while (at < *count && head_order(&(*list)[at], new->version, new->name) < 0)
        at++;
    if (*count < room) {
        memmove(*list + at + 1, *list + at, (*count - at) * sizeof **list);
    } else {
        struct head *more = arena_take(a, (*count + 1) * sizeof *more);
        invariant(more != NULL);
        if (at > 0)
            memcpy(more, *list, at * sizeof *more);
        if (at < *count)
            memcpy(more + at + 1, *list + at, (*count - at) * sizeof *more);
        *list = more;
    }
    (*list)[at] = *new;
    ++*count;
}

/* A copy without memory: is this change replaced already by a head that came from the hub? */
static bool replaced(const struct field *f, struct name name) {
    for (size_t i = 0; i < f->head_count; i++)
        for (size_t k = 0; k < f->heads[i].replace_count; k++)
            if (name_equal(f->heads[i].replaces[k], name))
                return true;
    return false;
}

static void apply(struct field *f, const struct change *c, const struct op *o, const struct merge_history *h, struct arena *a) {
    size_t heads = f->head_count, elements = f->element_count;
    for (size_t i = 0; i < o->name_count; i++) {
        bool head = drop(f->heads, &f->head_count, o->names[i]), element = drop(f->elements, &f->element_count, o->names[i]);
        if (!head && !element && h != NULL && !h->has(h->owner, o->names[i]))
            early_add(f, o->names[i], a);
    }
    if (o->kind == OP_REMOVE)
        return;
    size_t early = early_at(f, c->name);
    if (early < f->early_count) {
        memmove(f->early + early, f->early + early + 1, (f->early_count - early - 1) * sizeof *f->early);
        f->early_count--;
        return;
    }
    if (find(f->heads, f->head_count, c->name) < f->head_count || find(f->elements, f->element_count, c->name) < f->element_count)
        return;
    if (h == NULL && replaced(f, c->name))
        return;
    struct head new = {.version = c->version, .name = c->name, .value = arena_copy(a, o->value)};
    if (o->kind == OP_SET && o->name_count > 0) {
        struct name *names = arena_take(a, o->name_count * sizeof *names);
        invariant(names != NULL);
        memcpy(names, o->names, o->name_count * sizeof *names);
        new.replaces = names;
        new.replace_count = o->name_count;
    }
    if (o->kind == OP_SET)
        insert(&f->heads, &f->head_count, heads, &new, a);
    else
        insert(&f->elements, &f->element_count, elements, &new, a);
}

int merge_change(struct record *r, const struct change *c, const struct merge_history *h, struct arena *a) {
    invariant(r->type == c->type && id_equal(&r->id, &c->record));
    if (c->again && h != NULL && h->has(h->owner, c->name))
        return MERGE_REPEATED;
    record_fields_make(r, c, a);
    for (size_t i = 0; i < c->op_count; i++)
        apply(record_field(r, c->ops[i].field), c, &c->ops[i], h, a);
    return 0;
}
