/* Every limit of the house, checked where data is sent and again where it is received, printed by `anjuctl limits`.
 * X(name, value, unit, what) */
#pragma once

#include <stdint.h>

#define LIMITS(X)                                                                                                                          \
    X(LIMIT_MESSAGE_BYTES, 1048576, "bytes", "one message on the wire, after compression")                                                 \
    X(LIMIT_BATCH_BYTES, 4194304, "bytes", "changes or entries of one message after decompression")                                        \
    X(LIMIT_VALUE_BYTES, 65536, "bytes", "one field value")                                                                                \
    X(LIMIT_CHANGE_BYTES, 262144, "bytes", "one packed change")                                                                            \
    X(LIMIT_RECORD_BYTES, 786432, "bytes", "one packed record")                                                                            \
    X(LIMIT_CHANGE_FIELDS, 256, "operations", "in one change")                                                                             \
    X(LIMIT_OP_NAMES, 256, "names", "replaced or removed by one operation")                                                                \
    X(LIMIT_PUSH_CHANGES, 500, "changes", "in one push")                                                                                   \
    X(LIMIT_FEED_ENTRIES, 2000, "entries", "in one feed page")                                                                             \
    X(LIMIT_FEED_VERDICTS, 4000, "verdicts", "in one feed page")                                                                           \
    X(LIMIT_FEED_ERASURES, 1000, "orders", "to erase in one feed page")                                                                    \
    X(LIMIT_LIVES, 16, "incarnations", "of one node's log")                                                                                \
    X(LIMIT_AREAS, 32, "areas", "served by one node, ancestors included")                                                                  \
    X(LIMIT_DECODE_BYTES, 16777216, "bytes", "memory one decode may use")                                                                  \
    X(LIMIT_NESTING, 4, "levels", "of messages in messages")                                                                               \
    X(LIMIT_UNACKED_BYTES, 2097152, "bytes", "of one node unacknowledged at the hub")                                                      \
    X(LIMIT_QUARANTINE_ITEMS, 10000, "changes", "of one node in quarantine")                                                               \
    X(LIMIT_QUARANTINE_BYTES, 67108864, "bytes", "of one node in quarantine")                                                              \
    X(LIMIT_CLOCK_AHEAD_MS, 60000, "ms", "a version may be ahead of the hub's clock")                                                      \
    X(LIMIT_POLICY_BYTES, 1048576, "bytes", "one policy body")                                                                             \
    X(LIMIT_POLICY_PART_BYTES, 49152, "bytes", "one part of a policy body")                                                                \
    X(LIMIT_STATUS_LINE_BYTES, 4096, "bytes", "one request line on the status socket")                                                     \
    X(LIMIT_STATUS_BEHIND_BYTES, 262144, "bytes", "a reader of the status socket may be behind")                                           \
    X(LIMIT_STATUS_STALL_MS, 5000, "ms", "a reader of the status socket that is behind may take nothing")                                  \
    X(LIMIT_STATUS_WATCHES, 16, "watches", "questions that one session of the status socket may have asked again and again")               \
    X(LIMIT_READER_MS, 5000, "ms", "a read transaction may live")                                                                          \
    X(LIMIT_LOG_KEEP_BYTES, 67108864, "bytes", "of its change log a node keeps below safe")                                                \
    X(LIMIT_LOG_KEEP_DAYS, 35, "days", "a node keeps its change log below safe")                                                           \
    X(LIMIT_AUDIT_BLOCK_ENTRIES, 1024, "entries", "of the audit log in one block")                                                         \
    X(LIMIT_AUDIT_NOTE_BYTES, 256, "bytes", "of words in one entry of the audit log")                                                      \
    X(LIMIT_AUDIT_KEEP_DAYS, 1096, "days", "an entry of the audit log is kept")                                                            \
    X(LIMIT_ENROL_BYTES, 8192, "bytes", "one question at the enrolment endpoint")                                                          \
    X(LIMIT_ENROL_PEERS, 64, "connections", "past the handshake at the enrolment endpoint, 15 s each")                                     \
    X(LIMIT_ENROL_TRIES, 10, "tries", "with wrong tokens in a minute, half of them by one key, before the hub says later")                 \
    X(LIMIT_TOKENS, 1000, "tokens", "kept by the hub")                                                                                     \
    X(LIMIT_HTTP_BODY_BYTES, 262144, "bytes", "the body of one request to a page")                                                         \
    X(LIMIT_HTTP_CONNECTIONS, 256, "connections", "to a page")                                                                             \
    X(LIMIT_HTTP_ADDRESS, 64, "connections", "to a page from one address")                                                                 \
    X(LIMIT_HTTP_IDLE_S, 30, "s", "a connection to a page may say nothing")                                                                \
    X(LIMIT_HTTP_BEHIND_BYTES, 4194304, "bytes", "a reader of a page's events may be behind")                                              \
    X(LIMIT_ACCOUNTS, 1000, "accounts", "at one daemon")                                                                                   \
    X(LIMIT_PASSWORD_LEAST, 10, "bytes", "a password has")                                                                                 \
    X(LIMIT_PASSWORD_BYTES, 256, "bytes", "a password has at most")                                                                        \
    X(LIMIT_LOGIN_TRIES, 10, "tries", "with a wrong password, from one address or for one name, in the window")                            \
    X(LIMIT_LOGIN_WINDOW_MS, 900000, "ms", "the window of wrong passwords")                                                                \
    X(LIMIT_LOGIN_WAITING, 16, "logins", "that wait for their password to be checked")                                                     \
    X(LIMIT_SESSIONS, 256, "sessions", "of people at one page")                                                                            \
    X(LIMIT_SESSION_IDLE_MS, 900000, "ms", "a session lives without its person doing something")                                           \
    X(LIMIT_SESSION_MS, 36000000, "ms", "a session lives in all")                                                                          \
    X(LIMIT_DOCUMENT_BYTES, 1048576, "bytes", "one YAML file")                                                                             \
    X(LIMIT_DOCUMENT_NODES, 200000, "nodes", "in one YAML file, aliases counted each time")

enum limit_values {
#define X(name, value, unit, what) name = value,
    LIMITS(X)
#undef X
};
