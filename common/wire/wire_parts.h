/* What the chapters of wire share among themselves. */
#pragma once

#include "common/wire/wire.h"

void wire_name_pack(uint32_t field, struct name n, struct buffer *out);
bool wire_name_unpack(struct bytes b, struct name *out);
void wire_areas_pack(uint32_t field, const area *list, size_t count, struct buffer *out); /* a packed list of fixed64; none when empty */
bool wire_areas_unpack(struct bytes b, area *out, size_t room, size_t *count);
void wire_entries_pack(const struct entry *entries, size_t count, struct buffer *out);
int wire_entries_unpack(struct bytes raw, struct arena *a, const struct entry **out, size_t *count); /* + enum wire_outcome */
