/* The oracle: what a record must look like, computed from the SET of edits that were saved, and where each edit must be. It shares no code
 * with the product: its own structs, its own fold, values as numbers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oracle_kind { ORACLE_SET, ORACLE_ADD, ORACLE_REMOVE };
struct oracle_op {
    uint32_t field;
    enum oracle_kind kind;
    uint64_t value;
    uint64_t names[8]; /* of edits */
    size_t name_count;
};
struct oracle_edit {
    uint64_t name; /* the change's random tag: unique in a world */
    uint64_t record;
    uint32_t node;
    struct oracle_op ops[4];
    size_t op_count;
    bool lost;      /* destroyed by an injected fault: no copy was left anywhere */
    bool trimmed;   /* some node forgot it as safe */
    bool held;      /* filled in by the world before the check */
    bool merged;    /* likewise: the hub's history has it */
    uint64_t about; /* the record that it says this one is about; 0: none */
};
struct oracle {
    struct oracle_edit *edits; /* owns */
    size_t count, room;
    uint64_t erased[32]; /* records of which an order says that they are erased for ever */
    size_t erased_count;
};

void oracle_close(struct oracle *o);
struct oracle_edit *oracle_add(struct oracle *o); /* borrows; until the next add */
struct oracle_edit *oracle_find(struct oracle *o, uint64_t name);

/* By an order, or about one that is. What only a lost edit says of it the hub may have heard or not: that counts when it may. */
bool oracle_erased(const struct oracle *o, uint64_t record, bool may);

/* The field as a function of the set of merged edits: names of heads (SET) and elements (ADD) that no merged edit of that record and field
 * replaces or removes; each with its value. Sorted by name. */
struct oracle_item {
    uint64_t name, value;
};
size_t oracle_field(const struct oracle *o, uint64_t record, uint32_t field, enum oracle_kind kind, struct oracle_item *out, size_t room);
