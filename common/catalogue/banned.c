#include "common/catalogue/banned.h"

#include "common/base/bytes.h"

#include <stddef.h>

/* ^ where a word of the name begins, $ where one ends, _ where one may. Anything else is found anywhere in a name. Lines of this table are
 * also read by tests/tidy/refusals.sh. */
static const char *const words[] = {
    /* ethnicity, religion, politics */
    "ethnic",
    "^race$",
    "racial",
    "religio",
    "^faith$",
    "politic",
    "party_member",
    "民族",
    "族别",
    "宗教",
    "信仰",
    "政治面貌",
    "党员",
    "党派",
    /* biometrics */
    "biometr",
    "finger_print",
    "face_image",
    "face_print",
    "face_id$",
    "facial",
    "^iris$",
    "voice_print",
    "^dna$",
    "人脸",
    "面部",
    "指纹",
    "虹膜",
    "声纹",
    "生物特征",
    "生物识别",
    /* whereabouts */
    "^gps$",
    "longitude",
    "latitude",
    "geo_loc",
    "geo_point",
    "whereabouts",
    "经纬度",
    "经度",
    "纬度",
    "卫星定位",
    "行踪",
    "轨迹",
    /* crime, risk, scores of people */
    "crime",
    "criminal",
    "suspect",
    "risk_level",
    "risk_score",
    "risk_grade",
    "high_risk",
    "black_list",
    "watch_list",
    "key_person",
    "social_credit",
    "犯罪",
    "前科",
    "刑事",
    "嫌疑",
    "风险等级",
    "风险评分",
    "重点人员",
    "高危",
    "黑名单",
    "信用分",
    /* contraception */
    "contracep",
    "birth_control",
    "避孕",
    "节育",
    "婚育证明",
    /* native place */
    "native_place",
    "birth_place",
    "place_of_birth",
    "place_of_origin",
    "home_town",
    "ancestral",
    "籍贯",
    "祖籍",
    "原籍",
    "出生地",
};

/* Under these many people are the same. */
static const char *const groups[] = {
    "employer",   "work_unit",   "organization", "organisation", "landlord", "lessor", "^origin",
    "from_place", "birth_place", "home_town",    "^sex$",        "单位",     "出租人", "房东",
    "籍贯",       "出生地",      "转出地",       "来源地",       "原籍",     "户籍地", "性别",
};

static bool upper(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool lower(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* nativePlace, "Native Place" and native-place are all _native_place_. */
static void plain(const char *name, struct buffer *out) {
    buffer_u8(out, '_');
    for (const char *at = name; *at != '\0'; at++) {
        bool begins = upper(*at) && at > name && (lower(at[-1]) || (upper(at[-1]) && at[1] >= 'a' && at[1] <= 'z'));
        if (begins)
            buffer_u8(out, '_');
        if (upper(*at))
            buffer_u8(out, (uint8_t)(*at - 'A' + 'a'));
        else if (lower(*at) || (*at & 0x80) != 0)
            buffer_u8(out, (uint8_t)*at);
        else
            buffer_u8(out, '_');
    }
    buffer_u8(out, '_');
}

static bool begins_with(const char *at, const char *word) {
    for (; *word != '\0'; word++) {
        char wanted = *word;
        if (wanted == '^' || wanted == '$')
            wanted = '_';
        if (*at == wanted)
            at++;
        else if (*word != '_')
            return false;
    }
    return true;
}

static const char *word_in(const char *name, const char *const *list, size_t count) {
    struct buffer b = {0};
    const char *found = NULL;
    if (name == NULL)
        return NULL;
    plain(name, &b);
    for (const char *at = buffer_string(&b); *at != '\0' && found == NULL; at++)
        for (size_t i = 0; i < count && found == NULL; i++)
            found = begins_with(at, list[i]) ? list[i] : NULL;
    buffer_close(&b);
    return found;
}

const char *banned_word(const char *name) {
    return word_in(name, words, sizeof words / sizeof *words);
}

const char *grouping_word(const char *name) {
    return word_in(name, groups, sizeof groups / sizeof *groups);
}
