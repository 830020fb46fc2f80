/* What rules_check goes by: kinds validation, wage_floor, text_lint. For the files that read and check them. */
#pragma once

#include "common/catalogue/codes.h"

#include <regex.h>

enum validation_form { FORM_REQUIRED, FORM_PATTERN, FORM_RANGE, FORM_NOT_FUTURE, FORM_LENGTH, FORM_CROSS_FIELD, FORM_CHECK };
enum comparison { COMPARE_BEFORE, COMPARE_NOT_AFTER, COMPARE_EQUAL, COMPARE_NOT_BOTH, COMPARE_AT_LEAST_ONE };
enum algorithm { ALGORITHM_GB11643, ALGORITHM_GB32100, ALGORITHM_AREA_CODE };

struct rule_pattern {
    regex_t compiled; /* owns; freed by rules_close */
    struct rule_pattern *next;
};

/* A bound of a range: a number in the field's own unit, or the day of the check. */
struct bound {
    bool set, today;
    int64_t value;
};

struct validation_rule {
    const char *name, *zh, *en, *legal_basis; /* legal_basis NULL: the document's */
    enum validation_form form;
    enum severity severity;
    uint32_t type, field, other;
    struct condition when, unless;
    const struct rule_pattern *pattern;
    struct bound least, most;
    enum comparison compare;
    enum algorithm algorithm;
};

struct validation {
    const struct rule_source *source;
    const struct validation_rule *rules;
    size_t count;
    struct validation *next;
};

enum wage_unit { WAGE_MONTH, WAGE_HOUR };

struct wage_amount {
    area where;
    int64_t month, hour; /* fen */
};

struct wage_field {
    struct rule_field field;
    enum wage_unit unit;
    enum severity severity;
    const char *zh, *en;
};

struct wage_floor {
    const struct rule_source *source;
    const struct wage_amount *amounts;
    size_t amount_count;
    const struct wage_field *fields;
    size_t field_count;
    struct wage_floor *next;
};

struct lint_term {
    const char *term, *zh, *en;
};

struct text_lint {
    const struct rule_source *source;
    const struct lint_term *terms;
    size_t count;
    const struct rule_field *notes; /* fields of free text with a length */
    size_t note_count;
    size_t most; /* characters of a note */
    const char *long_zh, *long_en;
    struct text_lint *next;
};
