#include "common/wire/wire_reference.h"

#include "enrol.pb-c.h"
#include "record.pb-c.h"
#include "stored.pb-c.h"
#include "value.pb-c.h"

bool wire_reference(enum wire_form form, struct bytes in, struct buffer *out) {
    static const ProtobufCMessageDescriptor *const forms[WIRE_FORMS] = {
        [FORM_CHANGE] = &anju__change__descriptor,
        [FORM_BATCH] = &anju__batch__descriptor,
        [FORM_RECORD] = &anju__record__descriptor,
        [FORM_ENTRIES] = &anju__entries__descriptor,
        [FORM_PROGRESS] = &anju__progress__descriptor,
        [FORM_LOG_ENTRY] = &anju__log_entry__descriptor,
        [FORM_HISTORY] = &anju__history__descriptor,
        [FORM_QUARANTINED] = &anju__quarantined__descriptor,
        [FORM_ENROLMENT] = &anju__enrolment__descriptor,
        [FORM_VALUE] = &anju__value__descriptor,
        [FORM_ENROL_TOKEN] = &anju__enrol_token__descriptor,
        [FORM_ENROL_ASK] = &anju__enrol_ask__descriptor,
        [FORM_ENROL_ANSWER] = &anju__enrol_answer__descriptor,
        [FORM_ENROL_ENTRY] = &anju__enrol_entry__descriptor,
        [FORM_AUDIT_ENTRY] = &anju__audit_entry__descriptor,
        [FORM_AUDIT_BLOCK] = &anju__audit_block__descriptor,
        [FORM_AUDIT_LOG] = &anju__audit_log__descriptor,
        [FORM_AUDIT_KEPT] = &anju__audit_kept__descriptor,
    };
    ProtobufCMessage *m = protobuf_c_message_unpack(forms[form], NULL, in.len, in.at);
    if (m == NULL)
        return false;
    size_t size = protobuf_c_message_get_packed_size(m);
    protobuf_c_message_pack(m, buffer_grow(out, size));
    protobuf_c_message_free_unpacked(m, NULL);
    return true;
}
