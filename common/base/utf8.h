/* Our own check of text: all text is bytes on the wire, because protobuf-c's strings stop at a NUL and take invalid UTF-8. */
#pragma once

#include "common/base/bytes.h"

bool utf8_valid(struct bytes text);   /* RFC 3629: no overlong form, no surrogate, at most U+10FFFF; and no NUL */
size_t utf8_count(struct bytes text); /* code points of a valid text */
