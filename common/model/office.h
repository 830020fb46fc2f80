/* An office record (TYPE_OFFICE): one enrolled node, written by the hub alone, in the feed of that node's own area. */
#pragma once

#include "common/base/limits.h"
#include "common/model/record.h"

struct id16 office_id(uint32_t node); /* derived, so that everybody finds it */
bool office_node(const struct record *r, uint32_t *node);
/* The areas served: field 16's winner, a list of digit texts. False: no such value, or of another form. */
bool office_areas(const struct record *r, area out[LIMIT_AREAS], size_t *count);
