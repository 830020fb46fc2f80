/* Every reader of what a person or a file hands us; the first byte chooses which. What is read must be shown again without a crash. */
#include "common/catalogue/catalogue.h"
#include "common/net/keys.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void catalogue(struct bytes in) {
    struct catalogue k = {.types = NULL};
    struct complaints c = {.count = 0};
    if (!catalogue_add_all(&k, in, &c) && c.count == 0)
        abort(); /* refused without a word */
    catalogue_close(&k);
    complaints_close(&c);
}

static void value(struct bytes in) {
    struct value v, back;
    struct buffer text = {0}, packed = {0};
    if (value_unpack(in, &v)) {
        value_text(&v, &text);
        value_pack(&v, &packed);
        if (v.kind != VALUE_NONE && !value_unpack(buffer_bytes(&packed), &back))
            abort();
    }
    buffer_close(&text);
    buffer_close(&packed);
}

static void typed(struct bytes in) {
    if (in.len == 0)
        return;
    struct value v, back;
    struct buffer packed = {0};
    if (value_read((enum value_kind)(in.at[0] % VALUE_KINDS), bytes_of(in.at + 1, in.len - 1), &v) == NULL) {
        value_pack(&v, &packed);
        if (!value_unpack(buffer_bytes(&packed), &back))
            abort();
    }
    field_check_text((enum field_check)(in.at[0] % 3), bytes_of(in.at + 1, in.len - 1));
    buffer_close(&packed);
}

static void public_string(struct bytes in) {
    struct public_keys k;
    char text[PUBLIC_TEXT];
    if (public_parse(in, &k))
        public_text(&k, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const readers[])(struct bytes) = {catalogue, value, typed, public_string};
    if (size > 0)
        readers[data[0] % 4](bytes_of(data + 1, size - 1));
    return 0;
}
