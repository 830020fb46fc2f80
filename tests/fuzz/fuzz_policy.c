/* Policy texts of every kind, as anybody may hand them to `policy check` or a broken city to a node. What is refused is refused with a
 * word, what the check takes the node takes too, and what is taken answers every question. */
#include "tests/support/rule_kit.h"

#include "common/catalogue/admission.h"
#include "common/catalogue/areas.h"
#include "common/catalogue/calendar.h"
#include "common/catalogue/points.h"
#include "common/catalogue/refusals.h"
#include "common/catalogue/retention.h"
#include "common/catalogue/services.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_records(struct rule_kit *t, int64_t today) {
    for (size_t i = 0; i < t->catalogue.type_count; i++) {
        const struct catalogue_type *type = &t->catalogue.types[i];
        struct record *r = kit_record(t, type->name);
        struct findings f;
        struct due due;
        struct retention_due kept[2];
        for (size_t n = 0; n < type->field_count; n++) {
            static const char *const values[VALUE_KINDS] = {
                [VALUE_TEXT] = "650299199001010011 race 民族",
                [VALUE_NUMBER] = "-7",
                [VALUE_DATE] = "2026-02",
                [VALUE_FEN] = "0.01",
                [VALUE_AREA] = "650203001001",
                [VALUE_CODE] = "a"};
            if (values[type->fields[n].kind] != NULL)
                kit_set(t, r, type->fields[n].name, values[type->fields[n].kind]);
        }
        rules_check(&t->rules, &t->catalogue, r, today, today, &f);
        for (size_t n = 0; n < f.count; n++)
            if (strlen(f.items[n].rule) > 1024 || strlen(f.items[n].zh) > 1024 || strlen(f.items[n].en) > 1024)
                abort(); /* longer than anything that is read */
        if (rules_due(&t->rules, type->number, "reported", "a", today, &due) && due.day < today)
            abort();
        rules_retention(&t->rules, &t->catalogue, r, today, kept, 2);
        rules_opens(&t->rules, 1, type->number, 16);
    }
}

static void ask(struct rule_kit *t, int64_t today) {
    struct points_entry e = {.schedule = "kit", .index = "a", .version = 1, .points = 700};
    struct points_total total;
    const struct offer *menu[2];
    const struct notice *board[2];
    const struct evidence_need *missing[2];
    size_t count;
    area a;
    rules_label(&t->rules, "Person", "en");
    rules_label(&t->rules, "kit:a", "zh");
    rules_protocol(&t->rules, 1, 1);
    rules_feature(&t->rules, "a");
    services_offered(&t->rules, today, menu, 2);
    services_complete(&t->rules, "a", NULL, 0, today, missing, 2, &count);
    notices_shown(&t->rules, AREA_CITY, today, board, 2);
    admission_at(&t->rules, "a", 1, today);
    if (area_parse(BYTES("650203001001"), &a))
        areas_successor(&t->rules, a, today);
    if (!calendar_is_workday(t->rules.calendars, calendar_add_workdays(t->rules.calendars, today, 3)))
        abort();
    points_count(&t->rules, &e, 1, &total);
    if (total.total < 0 || total.total > 700)
        abort();
    points_close(&total);
    check_records(t, today);
}

/* The kind that the text says it is of, as the envelope would. */
static bool kind_of(const char *text, char kind[64]) {
    const char *at = strncmp(text, "kind: ", 6) == 0 ? text : strstr(text, "\nkind: ");
    size_t len = 0;
    if (at == NULL)
        return false;
    at = strchr(at, ' ') + 1;
    for (; len < 63 && at[len] != '\n' && at[len] != '\0'; len++)
        kind[len] = at[len];
    kind[len] = '\0';
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rule_kit t;
    struct complaints c = {.count = 0};
    char *text = memory_zeroed(size + 1, 1), kind[64];
    if (size > 0)
        memcpy(text, data, size);
    kit_open(&t);
    refusals_person(text);
    bool good = rules_kind_check(NULL, "kit", bytes_of(data, size), &t.catalogue, &c);
    if (good != (c.count == 0) || good != (c.text.len == 0))
        abort(); /* refused without a word, or taken with one */
    if (kind_of(text, kind)) {
        struct rule_text r = {.kind = kind, .name = "kit", .version = 1, .from = 0, .text = bytes_of(data, size)};
        bool added = rules_add(&t.rules, &r, &t.catalogue, &c);
        if (added != (t.rules.sources != NULL))
            abort();
        if (added && rules_finish(&t.rules, &c))
            ask(&t, 20454);
    }
    complaints_close(&c);
    kit_close(&t);
    free(text);
    return 0;
}
