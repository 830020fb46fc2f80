/* The store in memory: a tree is a B+ tree of pages and items that are counted and never changed once somebody else sees them.
 *
 *   store -> version (the last commit) -> one root page per tree -> pages -> items (key and value)
 *
 * Who reads holds a version. Who writes holds a version of its own that starts with the same roots, and copies a page before
 * changing it when anybody else counts on it; forgetting an aborted transaction is letting its version go. A copy of a store holds
 * the same version: as nothing shared ever changes, the two share nothing that could be told apart. Counts are atomic and the
 * current version stands under a lock, since a reader and the writer may be two threads. */
#include "common/base/memory.h"
#include "common/base/error.h"
#include "common/base/invariant.h"
#include "common/store/store_ops.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_SLOTS = 16, DEPTH_MAX = 24 };

struct item {
    atomic_uint refs;
    uint32_t key_len;
    size_t value_len;
    uint8_t at[];
};

/* At level 0 the items are the pairs. Above, item[i] is a lower bound of what lies under child[i] and an upper one, itself not
 * reached, of what lies under child[i - 1]; item[0] is never compared. No page is empty. */
struct page {
    atomic_uint refs;
    uint16_t used, level;
    struct item *item[PAGE_SLOTS];
    struct page *child[];
};

struct version {
    atomic_uint refs;
    unsigned trees;
    uint64_t bytes;
    struct {
        struct page *root; /* NULL: empty */
        uint64_t count;
    } tree[];
};

struct memory_store {
    struct store base;
    pthread_mutex_t lock;   /* over current */
    pthread_mutex_t writer; /* held while a transaction writes */
    struct version *current;
    enum store_memory_fault fault;
    atomic_uint live;
};

struct memory_txn {
    struct txn base;
    struct version *version;
};

struct memory_scan {
    struct scan base;
    unsigned depth;
    struct {
        const struct page *page;
        unsigned i;
    } step[DEPTH_MAX]; /* from the root to a leaf */
};

static struct memory_store *memory_of(struct store *s) {
    return (struct memory_store *)s;
}

static struct memory_txn *txn_of(struct txn *t) {
    return (struct memory_txn *)t;
}

/* ---- counting */

static void count_up(atomic_uint *refs) {
    atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

static bool count_down(atomic_uint *refs) {
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static void item_drop(struct item *i) {
    if (count_down(&i->refs))
        free(i);
}

static void page_drop(struct page *p) {
    if (!count_down(&p->refs))
        return;
    for (unsigned i = 0; i < p->used; i++) {
        item_drop(p->item[i]);
        if (p->level > 0)
            page_drop(p->child[i]);
    }
    free(p);
}

static void version_drop(struct version *v) {
    if (!count_down(&v->refs))
        return;
    for (unsigned i = 0; i < v->trees; i++)
        if (v->tree[i].root != NULL)
            page_drop(v->tree[i].root);
    free(v);
}

static struct version *version_make(unsigned trees) {
    struct version *v = memory_zeroed(1, sizeof *v + trees * sizeof v->tree[0]);
    atomic_init(&v->refs, 1);
    v->trees = trees;
    return v;
}

static struct version *version_fork(const struct version *of) {
    struct version *v = version_make(of->trees);
    v->bytes = of->bytes;
    for (unsigned i = 0; i < of->trees; i++) {
        v->tree[i] = of->tree[i];
        if (v->tree[i].root != NULL)
            count_up(&v->tree[i].root->refs);
    }
    return v;
}

/* ---- pages */

static struct item *item_make(struct bytes key, struct bytes value) {
    struct item *i = memory_resize(NULL, sizeof *i + key.len + value.len);
    atomic_init(&i->refs, 1);
    i->key_len = (uint32_t)key.len;
    i->value_len = value.len;
    memcpy(i->at, key.at, key.len);
    if (value.len > 0)
        memcpy(i->at + key.len, value.at, value.len);
    return i;
}

static struct bytes item_key(const struct item *i) {
    return bytes_of(i->at, i->key_len);
}

static struct bytes item_value(const struct item *i) {
    return bytes_of(i->at + i->key_len, i->value_len);
}

static uint64_t item_bytes(const struct item *i) {
    return sizeof *i + i->key_len + i->value_len;
}

static struct page *page_make(unsigned level) {
    struct page *p = memory_resize(NULL, sizeof *p + (level > 0 ? PAGE_SLOTS * sizeof p->child[0] : 0));
    atomic_init(&p->refs, 1);
    p->used = 0;
    p->level = (uint16_t)level;
    return p;
}

/* The first place whose key is not below this one; `same` says whether it is this one. */
static unsigned page_find(const struct page *p, struct bytes key, bool *same) {
    unsigned low = 0, high = p->used;
    *same = false;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        int r = bytes_compare(item_key(p->item[middle]), key);
        if (r == 0) {
            *same = true;
            return middle;
        }
        if (r < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The child under which this key lies. */
static unsigned page_choose(const struct page *p, struct bytes key) {
    bool same;
    unsigned i = page_find(p, key, &same);
    return same || i == 0 ? i : i - 1;
}

static struct page *page_own(struct page **slot) {
    struct page *p = *slot;
    if (atomic_load_explicit(&p->refs, memory_order_acquire) == 1)
        return p;
    struct page *own = page_make(p->level);
    own->used = p->used;
    memcpy(own->item, p->item, p->used * sizeof p->item[0]);
    for (unsigned i = 0; i < p->used; i++)
        count_up(&p->item[i]->refs);
    if (p->level > 0) {
        memcpy(own->child, p->child, p->used * sizeof p->child[0]);
        for (unsigned i = 0; i < p->used; i++)
            count_up(&p->child[i]->refs);
    }
    page_drop(p);
    return *slot = own;
}

/* Takes item and child. A full page gives its upper half away in *right, or just the new slot when that comes last, so that
 * growing logs fill their pages. */
static void page_insert(struct page *p, unsigned at, struct item *item, struct page *child, struct page **right) {
    if (p->used == PAGE_SLOTS) {
        unsigned cut = at == PAGE_SLOTS ? PAGE_SLOTS : PAGE_SLOTS / 2;
        struct page *r = *right = page_make(p->level);
        r->used = (uint16_t)(PAGE_SLOTS - cut);
        memcpy(r->item, p->item + cut, r->used * sizeof p->item[0]);
        if (p->level > 0)
            memcpy(r->child, p->child + cut, r->used * sizeof p->child[0]);
        p->used = (uint16_t)cut;
        if (at > cut || cut == PAGE_SLOTS) {
            p = r;
            at -= cut;
        }
    }
    memmove(p->item + at + 1, p->item + at, (p->used - at) * sizeof p->item[0]);
    p->item[at] = item;
    if (p->level > 0) {
        memmove(p->child + at + 1, p->child + at, (p->used - at) * sizeof p->child[0]);
        p->child[at] = child;
    }
    p->used++;
}

/* Takes the item; gives the page that did not fit any more in *right; returns the bytes of the item it replaced, or 0. */
static uint64_t page_put(struct page **slot, struct item *item, struct page **right) {
    struct page *p = page_own(slot);
    bool same;
    if (p->level > 0) {
        unsigned i = page_choose(p, item_key(item));
        struct page *more = NULL;
        uint64_t replaced = page_put(&p->child[i], item, &more);
        if (more != NULL) {
            count_up(&more->item[0]->refs);
            page_insert(p, i + 1, more->item[0], more, right);
        }
        return replaced;
    }
    unsigned i = page_find(p, item_key(item), &same);
    if (!same) {
        page_insert(p, i, item, NULL, right);
        return 0;
    }
    uint64_t replaced = item_bytes(p->item[i]);
    item_drop(p->item[i]);
    p->item[i] = item;
    return replaced;
}

/* The key is there. An emptied page goes away: *slot becomes NULL. */
static void page_remove(struct page **slot, struct bytes key) {
    struct page *p = page_own(slot);
    bool same;
    unsigned i;
    if (p->level > 0) {
        i = page_choose(p, key);
        page_remove(&p->child[i], key);
        if (p->child[i] != NULL)
            return;
    } else {
        i = page_find(p, key, &same);
        invariant(same);
    }
    item_drop(p->item[i]);
    p->used--;
    memmove(p->item + i, p->item + i + 1, (p->used - i) * sizeof p->item[0]);
    if (p->level > 0)
        memmove(p->child + i, p->child + i + 1, (p->used - i) * sizeof p->child[0]);
    if (p->used == 0) {
        page_drop(p);
        *slot = NULL;
    }
}

static struct item *tree_find(const struct page *p, struct bytes key) {
    if (p == NULL)
        return NULL;
    while (p->level > 0)
        p = p->child[page_choose(p, key)];
    bool same;
    unsigned i = page_find(p, key, &same);
    return same ? p->item[i] : NULL;
}

static const struct item *tree_last(const struct page *p) {
    if (p == NULL)
        return NULL;
    while (p->level > 0)
        p = p->child[p->used - 1];
    return p->item[p->used - 1];
}

/* ---- store and transactions */

static int begin(struct store *s, bool writes, struct txn **out) {
    struct memory_store *m = memory_of(s);
    struct memory_txn *t = memory_zeroed(1, sizeof *t);
    if (writes)
        invariant(pthread_mutex_lock(&m->writer) == 0); /* fails when this thread writes already */
    t->base.store = s;
    t->base.writes = writes;
    pthread_mutex_lock(&m->lock);
    t->version = m->current;
    count_up(&t->version->refs);
    pthread_mutex_unlock(&m->lock);
    if (writes) {
        struct version *own = version_fork(t->version);
        version_drop(t->version);
        t->version = own;
    }
    atomic_fetch_add(&m->live, 1);
    *out = &t->base;
    return 0;
}

static int memory_read(struct store *s, struct txn **out) {
    return begin(s, false, out);
}

static int memory_write(struct store *s, struct txn **out) {
    return begin(s, true, out);
}

static void memory_abort(struct txn *t) {
    struct memory_store *m = memory_of(t->store);
    version_drop(txn_of(t)->version);
    if (t->writes)
        pthread_mutex_unlock(&m->writer);
    free(t);
    atomic_fetch_sub(&m->live, 1);
}

static int memory_commit(struct txn *t) {
    struct memory_store *m = memory_of(t->store);
    if (m->fault == STORE_FAULT_NONE) {
        pthread_mutex_lock(&m->lock);
        struct version *before = m->current;
        m->current = txn_of(t)->version;
        txn_of(t)->version = before;
        pthread_mutex_unlock(&m->lock);
    }
    int r = m->fault == STORE_FAULT_NONE ? 0 : m->fault == STORE_FAULT_DISK_FULL ? STORE_DISK_FULL : -EIO;
    memory_abort(t);
    return r;
}

static int memory_renew(struct txn *t) {
    struct memory_store *m = memory_of(t->store);
    version_drop(txn_of(t)->version);
    pthread_mutex_lock(&m->lock);
    txn_of(t)->version = m->current;
    count_up(&m->current->refs);
    pthread_mutex_unlock(&m->lock);
    return 0;
}

static struct store *memory_close(struct store *s) {
    struct memory_store *m = memory_of(s);
    invariant(atomic_load(&m->live) == 0);
    version_drop(m->current);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->writer);
    free(m);
    return NULL;
}

/* ---- gets and puts */

static int memory_get(struct txn *t, unsigned tree, struct bytes key, struct bytes *value) {
    const struct item *i = tree_find(txn_of(t)->version->tree[tree].root, key);
    if (i == NULL)
        return STORE_ABSENT;
    *value = item_value(i);
    return 0;
}

static int memory_put(struct txn *t, unsigned tree, struct bytes key, struct bytes value, bool append) {
    struct version *v = txn_of(t)->version;
    struct page **root = &v->tree[tree].root;
    const struct item *last = append ? tree_last(*root) : NULL;
    if (last != NULL && bytes_compare(item_key(last), key) >= 0)
        return fail(-EINVAL);
    struct item *item = item_make(key, value);
    v->bytes += item_bytes(item);
    if (*root == NULL)
        *root = page_make(0);
    struct page *right = NULL;
    uint64_t replaced = page_put(root, item, &right);
    v->bytes -= replaced;
    v->tree[tree].count += replaced == 0;
    if (right != NULL) {
        struct page *up = page_make((*root)->level + 1u);
        invariant(up->level < DEPTH_MAX);
        up->used = 2;
        up->item[0] = (*root)->item[0];
        up->item[1] = right->item[0];
        count_up(&up->item[0]->refs);
        count_up(&up->item[1]->refs);
        up->child[0] = *root;
        up->child[1] = right;
        *root = up;
    }
    return 0;
}

static int memory_remove(struct txn *t, unsigned tree, struct bytes key) {
    struct version *v = txn_of(t)->version;
    struct page **root = &v->tree[tree].root;
    const struct item *there = tree_find(*root, key);
    if (there == NULL)
        return 0;
    v->bytes -= item_bytes(there);
    v->tree[tree].count--;
    page_remove(root, key);
    while (*root != NULL && (*root)->level > 0 && (*root)->used == 1) {
        struct page *only = (*root)->child[0];
        count_up(&only->refs);
        page_drop(*root);
        *root = only;
    }
    return 0;
}

static uint64_t page_bytes(const struct page *p) {
    uint64_t sum = 0;
    for (unsigned i = 0; p != NULL && i < p->used; i++)
        sum += p->level > 0 ? page_bytes(p->child[i]) : item_bytes(p->item[i]);
    return sum;
}

static int memory_clear(struct txn *t, unsigned tree) {
    struct version *v = txn_of(t)->version;
    v->bytes -= page_bytes(v->tree[tree].root);
    if (v->tree[tree].root != NULL)
        page_drop(v->tree[tree].root);
    v->tree[tree].root = NULL;
    v->tree[tree].count = 0;
    return 0;
}

/* ---- scans */

static int memory_scan_open(struct txn *t, unsigned tree, struct scan **out) {
    (void)t, (void)tree;
    struct memory_scan *c = memory_zeroed(1, sizeof *c);
    *out = &c->base;
    return 0;
}

static void memory_scan_close(struct scan *c) {
    free(c);
}

static void step_down(struct memory_scan *c, const struct page *p, unsigned i) {
    invariant(c->depth < DEPTH_MAX);
    c->step[c->depth].page = p;
    c->step[c->depth++].i = i;
}

/* From this page down its left or its right side. */
static void go_down(struct memory_scan *c, const struct page *p, bool right) {
    for (;; p = p->child[right ? p->used - 1u : 0u]) {
        step_down(c, p, right ? p->used - 1u : 0u);
        if (p->level == 0)
            return;
    }
}

/* The neighbour on either side, from where the steps stand; false at the end. */
static bool go_aside(struct memory_scan *c, bool right) {
    while (c->depth > 0) {
        unsigned *i = &c->step[c->depth - 1].i;
        const struct page *p = c->step[c->depth - 1].page;
        if (right ? *i + 1 < p->used : *i > 0) {
            *i = right ? *i + 1 : *i - 1;
            if (p->level > 0)
                go_down(c, p->child[*i], !right);
            return true;
        }
        c->depth--;
    }
    return false;
}

static int memory_scan_seek(struct scan *scan, enum seek to, struct bytes key, struct bytes *at, struct bytes *value) {
    struct memory_scan *c = (struct memory_scan *)scan;
    const struct page *p = txn_of(scan->txn)->version->tree[scan->tree].root;
    bool on = p != NULL, same;
    if (to != SEEK_NEXT)
        c->depth = 0;
    if (!on)
        return STORE_ABSENT;
    if (to == SEEK_NEXT) {
        on = go_aside(c, true);
    } else if (to == SEEK_FIRST || to == SEEK_LAST) {
        go_down(c, p, to == SEEK_LAST);
    } else {
        for (; p->level > 0; p = c->step[c->depth - 1].page->child[c->step[c->depth - 1].i])
            step_down(c, p, page_choose(p, key));
        unsigned i = page_find(p, key, &same);
        step_down(c, p, i);
        if (to == SEEK_BEFORE)
            on = go_aside(c, false);
        else if (i == p->used)
            on = go_aside(c, true);
    }
    if (!on)
        return STORE_ABSENT;
    const struct item *i = c->step[c->depth - 1].page->item[c->step[c->depth - 1].i];
    *at = item_key(i);
    *value = item_value(i);
    return 0;
}

/* ---- questions and copies */

static uint64_t memory_bytes(struct store *s) {
    struct memory_store *m = memory_of(s);
    pthread_mutex_lock(&m->lock);
    uint64_t bytes = m->current->bytes;
    pthread_mutex_unlock(&m->lock);
    return bytes;
}

static int memory_count(struct txn *t, unsigned tree, uint64_t *out) {
    *out = txn_of(t)->version->tree[tree].count;
    return 0;
}

static int memory_copy(struct store *s, const char *folder) {
    (void)s, (void)folder;
    return fail(-ENOTSUP);
}

/* What is deleted is freed; there is nothing to write anew. */
static int memory_compact(struct store *s) {
    return memory_of(s)->fault == STORE_FAULT_DISK_FULL ? STORE_DISK_FULL : 0;
}

static const struct store_ops memory_ops = {
    .close = memory_close,
    .read = memory_read,
    .write = memory_write,
    .commit = memory_commit,
    .abort = memory_abort,
    .renew = memory_renew,
    .get = memory_get,
    .put = memory_put,
    .remove = memory_remove,
    .clear = memory_clear,
    .scan_open = memory_scan_open,
    .scan_close = memory_scan_close,
    .scan_seek = memory_scan_seek,
    .bytes = memory_bytes,
    .count = memory_count,
    .copy = memory_copy,
    .compact = memory_compact,
};

static struct store *make(const struct store_shape *shape, const struct seal *seal, struct version *current /* takes */) {
    struct memory_store *m = memory_zeroed(1, sizeof *m);
    pthread_mutexattr_t checked;
    invariant(shape->tree_count <= STORE_TREES_MAX);
    m->base.ops = &memory_ops;
    m->base.shape = *shape;
    store_gate(&m->base);
    m->base.seal = seal;
    m->current = current;
    pthread_mutexattr_init(&checked);
    pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&m->writer, &checked);
    pthread_mutexattr_destroy(&checked);
    pthread_mutex_init(&m->lock, NULL);
    return &m->base;
}

struct store *store_memory(const struct store_shape *shape, const struct seal *seal) {
    return make(shape, seal, version_make(shape->tree_count));
}

struct store *store_memory_copy(const struct store *s) {
    invariant(store_is_memory(s));
    struct version *current = ((const struct memory_store *)s)->current;
    count_up(&current->refs);
    return make(&s->shape, s->seal, current);
}

void store_memory_fault(struct store *s, enum store_memory_fault fault) {
    invariant(store_is_memory(s));
    memory_of(s)->fault = fault;
}

bool store_is_memory(const struct store *s) {
    return s->ops == &memory_ops;
}
