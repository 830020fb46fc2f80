/* What protobuf-c, by the code generated from proto/, makes of bytes: the reference that tests hold the scan (pb.h) against. No program
 * uses it, so no program has it. */
#pragma once

#include "common/base/memory.h"

enum wire_form {
    FORM_CHANGE,
    FORM_BATCH,
    FORM_RECORD,
    FORM_ENTRIES,
    FORM_PROGRESS,
    FORM_LOG_ENTRY,
    FORM_HISTORY,
    FORM_QUARANTINED,
    FORM_ENROLMENT,
    FORM_VALUE,
    FORM_ENROL_TOKEN,
    FORM_ENROL_ASK,
    FORM_ENROL_ANSWER,
    FORM_ENROL_ENTRY,
    FORM_AUDIT_ENTRY,
    FORM_AUDIT_BLOCK,
    FORM_AUDIT_LOG,
    FORM_AUDIT_KEPT,
    WIRE_FORMS,
};

/* Unpacks and packs again, unknown fields included; false: not such a message. */
bool wire_reference(enum wire_form form, struct bytes in, struct buffer *out);
