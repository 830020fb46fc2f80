#include "common/catalogue/refusals.h"

#include "common/base/memory.h"
#include "common/catalogue/banned.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- what stands for one person */

static bool digit(char c) {
    return c >= '0' && c <= '9';
}

static bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool digits(const char *at, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!digit(at[i]))
            return false;
    return true;
}

static bool hex(const char *at, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!digit(at[i]) && !(at[i] >= 'a' && at[i] <= 'f') && !(at[i] >= 'A' && at[i] <= 'F'))
            return false;
    return true;
}

static bool month_and_day(const char *at) {
    unsigned month = (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0'), day = (unsigned)(at[2] - '0') * 10 + (unsigned)(at[3] - '0');
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Of 18 characters, or of 15 on old papers; whether the last one fits is no matter: a mistyped one is somebody's too. */
static bool identity(const char *at, size_t len) {
    if (len == 18 && digits(at, 17) && (digit(at[17]) || at[17] == 'X' || at[17] == 'x'))
        return (memcmp(at + 6, "18", 2) == 0 || memcmp(at + 6, "19", 2) == 0 || memcmp(at + 6, "20", 2) == 0) && month_and_day(at + 10);
    return len == 15 && digits(at, 15) && at[0] != '0' && month_and_day(at + 8);
}

static bool phone(const char *at, size_t len) {
    if (len == 13 && memcmp(at, "86", 2) == 0)
        return phone(at + 2, 11);
    return len == 11 && digits(at, 11) && at[0] == '1' && at[1] >= '2';
}

static size_t run(const char *at) {
    size_t len = 0;
    while (digit(at[len]) || letter(at[len]))
        len++;
    return len;
}

/* Written in groups: 650299 19900101 0011, 129-0000-0000, 8-4-4-4-12 hex digits, a source's key 650203001001-P000017. */
static const char *grouped(const char *at) {
    static const size_t uuid[] = {8, 4, 4, 4, 12};
    char joined[40];
    size_t len = 0, groups = 0;
    bool is_uuid = true;
    for (const char *from = at; groups < 5; groups++) {
        size_t one = run(from);
        if (one == 0 || len + one > 36)
            break;
        is_uuid = is_uuid && one == uuid[groups] && hex(from, one);
        memcpy(joined + len, from, one);
        len += one;
        if ((groups == 1 && len > 16 && digits(joined, 12) && letter(joined[12]) && digits(joined + 13, len - 13)))
            return "the key of a record";
        if (groups == 2 && (identity(joined, len) || phone(joined, len)))
            return identity(joined, len) ? "an identity number" : "a phone number";
        if (from[one] != '-' && from[one] != ' ')
            return is_uuid && groups == 4 ? "the id of a record" : NULL;
        from += one + 1;
    }
    return NULL;
}

static const char *at_word(const char *at) {
    size_t len = run(at);
    if (identity(at, len))
        return "an identity number";
    if (phone(at, len))
        return "a phone number";
    if (len == 32 && hex(at, len))
        return "the id of a record";
    return grouped(at);
}

/* Full-width digits and letters as people type them: １２９ is 129. */
static char *narrow(const char *text) {
    char *out = memory_zeroed(strlen(text) + 1, 1);
    size_t len = 0;
    for (const char *at = text; *at != '\0'; at++) {
        const uint8_t *b = (const uint8_t *)at;
        if (b[0] == 0xef && b[1] == 0xbc && b[2] >= 0x90 && b[2] <= 0xba) {
            out[len++] = (char)(b[2] - 0x90 + '0');
            at += 2;
        } else {
            out[len++] = *at;
        }
    }
    return out;
}

const char *refusals_person(const char *text) {
    char *plain = narrow(text);
    const char *found = NULL;
    for (size_t i = 0; plain[i] != '\0' && found == NULL; i++)
        if ((digit(plain[i]) || letter(plain[i])) && (i == 0 || !(digit(plain[i - 1]) || letter(plain[i - 1]))))
            found = at_word(plain + i);
    free(plain);
    return found;
}

/* ---- a document */

struct looking {
    const struct document *d;
    const char *kind;
    struct complaints *c;
};

static bool one_of(const char *word, const char *const *list) {
    for (size_t i = 0; word != NULL && list[i] != NULL; i++)
        if (strcasecmp(word, list[i]) == 0)
            return true;
    return false;
}

static bool lists_people(const char *key) {
    static const char *const words[] = {"person",     "persons",     "people",   "residents",   "person_id",
                                        "person_ids", "person_list", "subjects", "subject_ids", "name_list",
                                        "members",    "人员",        "居民",     "当事人",      NULL};
    return one_of(key, words) || strstr(key, "名单") != NULL;
}

/* Texts in which a word for what is never held may stand: a lint's own terms and advice, the name of a law, the body of a notice. */
static bool may_name(const struct looking *x, const char *key) {
    static const char *const laws[] = {"legal_basis", "legal", NULL}, *const lint[] = {"term", "zh", "en", NULL};
    return one_of(key, laws) || (strcmp(x->kind, "text_lint") == 0 && one_of(key, lint)) ||
           (strcmp(x->kind, "notices") == 0 && one_of(key, (const char *const[]){"body", NULL})) ||
           strcmp(x->kind, "record_type") == 0; /* whose names the catalogue looks at */
}

static bool takes_away(const char *text) {
    static const char *const words[] = {"deduct", "penalt", "veto", "扣分", "减分", "倒扣", "一票否决"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(text, words[i]) != NULL)
            return true;
    return false;
}

bool refusals_amount(const char *key) {
    static const char *const amounts[] = {"points", "cap", "score", NULL};
    return one_of(key, amounts);
}

static void look_at_text(const struct looking *x, const struct document_node *n, const char *key, bool may) {
    const char *text = document_text(n), *person = refusals_person(text);
    if (!may && banned_word(text) != NULL)
        document_complain(x->d, n, x->c, "%s: this system never holds such a thing", text);
    if (person != NULL)
        document_complain(x->d, n, x->c, "this holds %s: a policy is about everybody, never about one person", person);
    if (refusals_amount(key) && *text == '-')
        document_complain(x->d, n, x->c, "%s below zero: this system takes nothing away from people", key);
    if (strcmp(x->kind, "points_schedule") == 0 && takes_away(text))
        document_complain(x->d, n, x->c, "%s: there are no deductions and no vetoes", text);
}

static void look(const struct looking *x, const struct document_node *n, const char *key, bool may) {
    may = may || may_name(x, key);
    if (document_kind(n) == DOCUMENT_SCALAR) {
        look_at_text(x, n, key, may);
        return;
    }
    for (size_t i = 0; i < document_count(n); i++) {
        const struct document_node *at = document_key(n, i);
        const char *inner = document_text(at);
        if (inner != NULL) {
            look_at_text(x, at, NULL, strcmp(x->kind, "record_type") == 0);
            if (lists_people(inner) && strcmp(x->kind, "labels") != 0)
                document_complain(x->d, at, x->c, "'%s': a policy has no list of people", inner);
        }
        look(x, document_item(n, i), inner == NULL ? key : inner, may);
    }
}

bool refusals_check(const struct document *d, const char *kind, struct complaints *c) {
    unsigned before = c->count;
    struct looking x = {d, kind, c};
    look(&x, document_root(d), "", false);
    return c->count == before;
}
