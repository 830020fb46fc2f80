/* What is never held: names that say so are found however they are written, others are not, and a catalogue with one is refused. */
#include "common/catalogue/banned.h"
#include "common/catalogue/catalogue.h"
#include "common/daemon/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void refused_names(void **state) {
    static const char *const names[] = {
        "ethnicity",    "ethnic_group", "Ethnicity",   "民族",      "民族成分",       "religion",           "religious",    "宗教信仰",
        "race",         "RACE",         "political",   "政治面貌",  "party_member",   "fingerprint",        "finger-print", "faceId",
        "iris",         "left_iris",    "GPS",         "gps_point", "GPSPoint",       "longitude",          "经纬度",       "risk_level",
        "riskLevel",    "风险等级",     "高危人员",    "criminal",  "contraceptive",  "避孕措施",           "native_place", "nativePlace",
        "Native Place", "NATIVE_PLACE", "nativeplace", "籍贯",      "place_of_birth", "Person.native_place"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (banned_word(names[i]) == NULL)
            fail_msg("'%s' is not refused", names[i]);
}

static void other_names(void **state) {
    static const char *const names[] = {"name",        "trace",  "embrace",   "address", "birth_date", "place", "this_is",
                                        "other_party", "status", "education", "居民",    "出生日期",   "",      "legal_risks"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (banned_word(names[i]) != NULL)
            fail_msg("'%s' is refused for '%s'", names[i], banned_word(names[i]));
    assert_null(banned_word(NULL));
}

/* What hub and node do with a document: at publish, and again when it has come. */
static void refuses(const char *text, const char *complaint) {
    struct catalogue k = {.types = NULL};
    struct complaints c = {.count = 0};
    bool good = catalogue_add_all(&k, bytes_text(text), &c);
    if (complaint == NULL) {
        assert_true(good);
        assert_int_equal(k.type_count, 1);
    } else {
        assert_false(good);
        assert_int_equal(k.type_count, 0);
        if (strstr(buffer_string(&c.text), complaint) == NULL)
            fail_msg("'%s' is not in: %s", complaint, buffer_string(&c.text));
    }
    complaints_close(&c);
    catalogue_close(&k);
}

static void catalogues(void **state) {
    (void)state;
    refuses("kind: record_type\nnumber: 90\nname: Thing\nzh: 东西\nfields:\n  - {number: 16, name: note, zh: 备注, kind: text}\n", NULL);
    refuses(
        "kind: record_type\nnumber: 90\nname: Thing\nzh: 东西\nfields:\n  - {number: 16, name: ethnicity, zh: 备注, kind: text}\n",
        ":6:24: ethnicity: this system never holds");
    refuses(
        "kind: record_type\nnumber: 90\nname: Thing\nzh: 东西\nfields:\n  - {number: 16, name: note, zh: 民族, kind: text}\n",
        ":6:34: 民族: this system never holds");
    refuses("kind: record_type\nnumber: 90\nname: CriminalRecord\nzh: 东西\nfields: []\n", ":3:7: CriminalRecord: this system never holds");
    refuses("kind: record_type\nnumber: 90\nname: Thing\nzh: 黑名单\nfields: []\n", ":4:5: 黑名单: this system never holds");
}

static void mapping_of(const char *columns, const char *complaint) {
    char path[] = "/tmp/anju-mapping.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "table: person\nrecord: Person\nkey: record_id\ncolumns:\n%s", columns) > 0);
    close(fd);
    struct complaints c = {.count = 0};
    struct mapping *m = mapping_load(path, &c);
    unlink(path);
    if (complaint == NULL)
        assert_non_null(m);
    else {
        assert_null(m);
        if (strstr(buffer_string(&c.text), complaint) == NULL)
            fail_msg("'%s' is not in: %s", complaint, buffer_string(&c.text));
    }
    mapping_free(m);
    complaints_close(&c);
}

static void mappings(void **state) {
    (void)state;
    mapping_of("  education: Person.education\n", NULL);
    mapping_of("  native_place: Person.education\n", ":5:3: column native_place goes nowhere");
    mapping_of("  籍贯: {to: Person.education}\n", ":5:3: column 籍贯 goes nowhere");
    mapping_of("  education: Person.ethnicity\n", ":5:14: Person.ethnicity: this system never holds");
}

/* Fields under which many people are the same. */
static void groups(void **state) {
    static const char *const grouping[] = {"employer", "landlords", "organization", "to_organization", "from_place",
                                           "sex",      "单位",      "用工单位",     "出租人"};
    static const char *const others[] = {"name", "phone", "birth_date", "value", "key", "address", "姓名", "电话", "essex_road"};
    (void)state;
    for (size_t i = 0; i < sizeof grouping / sizeof *grouping; i++)
        if (grouping_word(grouping[i]) == NULL)
            fail_msg("people could be listed by '%s'", grouping[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (grouping_word(others[i]) != NULL)
            fail_msg("'%s' is no group: '%s'", others[i], grouping_word(others[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_names), cmocka_unit_test(groups),   cmocka_unit_test(other_names),
        cmocka_unit_test(catalogues),    cmocka_unit_test(mappings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
