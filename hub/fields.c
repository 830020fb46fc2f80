/* What the fields of the hub's answers mean: the table beside its commands (main.c). tests/e2e/test_tool.sh compares it with real answers.
 */
#include "common/daemon/rows.h"
#include "hub/city.h"

void cmd_schema(void *owner, struct request *q) {
    static const struct field_text fields[] = {
        {"status", "endpoint", "", "where nodes connect", "节点接入地址"},
        {"status", "enrol", "", "where new machines bring their token; empty: nowhere", "新机器登记地址"},
        {"status", "enrol_pending", "machines", "wait for approval", "待批准机器数"},
        {"status", "enrol_wrong", "tries", "with tokens that nobody made, since the start", "错误令牌次数"},
        {"status", "enrol_refused", "", "why the last of them was turned away", "最近拒绝原因"},
        {"status", "nodes", "nodes", "enrolled", "已登记节点数"},
        {"status", "online", "nodes", "connected now", "在线节点数"},
        {"status", "offline", "nodes", "enrolled and not connected", "离线节点数"},
        {"status", "paused_or_revoked", "nodes", "not listened to", "暂停或吊销节点数"},
        {"status", "records", "records", "merged, not deleted", "记录数"},
        {"status", "received", "changes", "accepted from nodes", "已接收更改数"},
        {"status", "received_bytes", "bytes", "in pushes since the start", "启动后接收字节数"},
        {"status", "log_last", "entries", "position of the log's end", "日志末尾位置"},
        {"status", "merged_to", "entries", "position that is merged", "已合并位置"},
        {"status", "merge_backlog", "entries", "in the log and not merged yet", "待合并条目数"},
        {"status", "hub_seq", "hub_seq", "the feed's tip", "下行末尾"},
        {"status", "conflicts", "fields", "with concurrent values", "并发字段数"},
        {"status", "held", "changes", "in quarantine", "隔离更改数"},
        {"status", "handshakes_refused", "handshakes", "of machines that did not come in, since the start", "被拒绝的连接数"},
        {"status", "refused_by_reason", "handshakes", "the same by reason", "按原因统计被拒绝的连接"},
        {"status", "refused_last", "", "the last eight: when, from where, why, with which key, of which node", "最近八次被拒绝的连接"},
        {"status", "disk_free_bytes", "bytes", "free on the hub's disk", "磁盘剩余"},
        {"status", "up_ms", "ms", "since the start", "已运行时间"},
        {"status", "problems", "", "what needs a person, and what to do", "问题与处理"},
        {"status", "as_of_ms", "ms since 1970", "when this was so", "数据时间"},

        {"nodes", "node", "", "number of the node", "节点编号"},
        {"nodes", "name", "", "name of its office", "办公室名称"},
        {"nodes", "areas", "", "division codes that it serves", "服务区域代码"},
        {"nodes", "state", "", "online, offline, never seen, greeting, paused, revoked, forked", "连接状态"},
        {"nodes", "received", "changes", "came into the log", "已接收更改数"},
        {"nodes", "merged", "changes", "are in the records", "已合并更改数"},
        {"nodes", "held", "changes", "are in quarantine", "隔离更改数"},
        {"nodes", "repeated", "changes", "came more than once", "重复更改数"},
        {"nodes", "accepted", "changes", "were acknowledged", "已确认更改数"},
        {"nodes", "at", "hub_seq", "how far it has laid the feed", "下行位置"},
        {"nodes", "backlog", "changes", "not sent yet, by its last report", "待上传更改数(上次报告)"},
        {"nodes", "oldest_ms", "ms", "age of the oldest of them, by its last report", "最早待上传更改已等待时间(上次报告)"},
        {"nodes", "reported_ms", "ms", "monotonic time of its last report", "上次报告时刻"},
        {"nodes", "disk_free_bytes", "bytes", "free on its disk, by its last report", "磁盘剩余(上次报告)"},
        {"nodes", "last_seen_ms", "ms", "since it was heard last", "距上次通信"},

        {"node show", "node", "", "number of the node", "节点编号"},
        {"node show", "name", "", "name of its office", "办公室名称"},
        {"node show", "areas", "", "division codes that it serves", "服务区域代码"},
        {"node show", "state", "", "online, offline, never seen, greeting, paused, revoked, forked", "连接状态"},
        {"node show", "received", "changes", "came into the log", "已接收更改数"},
        {"node show", "merged", "changes", "are in the records", "已合并更改数"},
        {"node show", "held", "changes", "are in quarantine", "隔离更改数"},
        {"node show", "repeated", "changes", "came more than once", "重复更改数"},
        {"node show", "accepted", "changes", "were acknowledged", "已确认更改数"},
        {"node show", "at", "hub_seq", "how far it has laid the feed", "下行位置"},
        {"node show", "backlog", "changes", "not sent yet, by its last report", "待上传更改数(上次报告)"},
        {"node show", "oldest_ms", "ms", "age of the oldest of them, by its last report", "最早待上传更改已等待时间(上次报告)"},
        {"node show", "reported_ms", "ms", "monotonic time of its last report", "上次报告时刻"},
        {"node show", "disk_free_bytes", "bytes", "free on its disk, by its last report", "磁盘剩余(上次报告)"},
        {"node show", "last_seen_ms", "ms", "since it was heard last", "距上次通信"},

        {"node token", "id", "", "what the token is called here", "令牌编号"},
        {"node token", "token", "", "for one machine; shown only now", "令牌(仅显示一次)"},
        {"node token", "expires_ms", "ms since 1970", "until when it can be brought", "有效期至"},
        {"node token", "auto", "", "nobody compares the code", "是否自动批准"},
        {"node token", "endpoint", "", "where it is to be brought", "登记地址"},
        {"node token", "next", "", "what to do", "下一步"},

        {"node tokens", "id", "", "what the token is called here", "令牌编号"},
        {"node tokens", "area", "", "division codes that its office will serve", "服务区域代码"},
        {"node tokens", "name", "", "name of its office", "办公室名称"},
        {"node tokens", "state", "", "open, expired, pending, enrolled, revoked, rejected", "状态"},
        {"node tokens", "auto", "", "nobody compares the code", "是否自动批准"},
        {"node tokens", "expires_ms", "ms since 1970", "until when it can be brought", "有效期至"},
        {"node tokens", "node", "", "number of the node that came by it", "节点编号"},
        {"node tokens", "refused", "", "why a machine was turned away last", "最近拒绝原因"},

        {"node token revoke", "id", "", "what the token is called here", "令牌编号"},
        {"node token revoke", "state", "", "what it is from now on", "新状态"},

        {"node pending", "code", "", "the machine must show the same", "核对代码"},
        {"node pending", "area", "", "division codes that its office will serve", "服务区域代码"},
        {"node pending", "name", "", "name of its office", "办公室名称"},
        {"node pending", "asked_ms", "ms since 1970", "when it came first", "首次请求时间"},
        {"node pending", "id", "", "of the token that it brought", "令牌编号"},
        {"node pending", "key", "", "its public string", "公钥串"},

        {"node approve", "name", "", "name of the office of the machine", "办公室名称"},
        {"node approve", "state", "", "of the machine", "状态"},

        {"node reject", "code", "", "of the machine", "核对代码"},
        {"node reject", "state", "", "what it is from now on", "新状态"},

        {"node add", "node", "", "number of the node", "节点编号"},
        {"node add", "name", "", "name of its office", "办公室名称"},
        {"node add", "file_hex", "hex", "its enrolment file, with secrets; anjuctl writes it to --out", "登记文件内容(含密钥)"},

        {"node enrolment", "node", "", "number of the node", "节点编号"},
        {"node enrolment", "name", "", "name of its office", "办公室名称"},
        {"node enrolment", "file_hex", "hex", "its enrolment file, with secrets; anjuctl writes it to --out", "登记文件内容(含密钥)"},

        {"node approve", "node", "", "number of the node", "节点编号"},
        {"node approve", "next", "", "what happens now", "后续操作"},

        {"node pause", "node", "", "number of the node", "节点编号"},
        {"node pause", "status", "", "what it is from now on", "新状态"},

        {"node resume", "node", "", "number of the node", "节点编号"},
        {"node resume", "status", "", "what it is from now on", "新状态"},

        {"node revoke", "node", "", "number of the node", "节点编号"},
        {"node revoke", "status", "", "what it is from now on", "新状态"},

        {"policies", "kind", "", "kind of policy", "政策类别"},
        {"policies", "name", "", "its name", "政策名称"},
        {"policies", "version", "", "its version, counted from 1", "版本"},
        {"policies", "hub_seq", "hub_seq", "where it stands in the feed", "下行位置"},
        {"policies", "id", "hex", "its record", "记录编号"},
        {"policies", "applied", "nodes", "have laid it", "已到达节点数"},
        {"policies", "of", "nodes", "shall have it", "应到达节点数"},

        {"policy publish", "kind", "", "kind of policy", "政策类别"},
        {"policy publish", "name", "", "its name", "政策名称"},
        {"policy publish", "version", "", "the version that was published", "版本"},

        {"conflicts", "type", "", "record type", "记录类型"},
        {"conflicts", "id", "hex", "the record", "记录编号"},
        {"conflicts", "field", "", "field with concurrent values", "字段"},
        {"conflicts", "sides", "", "which node wrote, and when (ms since 1970)", "各方节点与时间"},

        {"quarantine list", "node", "", "number of the node", "节点编号"},
        {"quarantine list", "seq", "", "of the change in its log", "更改序号"},
        {"quarantine list", "reason", "", "why it was not taken", "原因"},
        {"quarantine list", "received_ms", "ms since 1970", "when it came", "接收时间"},
        {"quarantine list", "type", "", "record type", "记录类型"},
        {"quarantine list", "id", "hex", "the record", "记录编号"},

        {"digest", "area", "", "division code; node:N is the node's own", "区域代码"},
        {"digest", "digest", "hex", "sum of the state hashes of its records", "区域摘要"},

        {"export", "type", "", "number of the record's type", "记录类型编号"},
        {"export", "id", "hex", "the record's id", "记录编号"},
        {"export", "raw", "hex", "its replicated state in canonical form", "复制状态原文"},
        {"export", "hash", "hex", "hash of that form: equal hashes, equal states", "状态摘要"},

        {"access", "at_ms", "ms since 1970", "when", "时间"},
        {"access", "actor", "hex", "who, as the id of a login name", "操作人编号"},
        {"access", "action", "", "read, search, export, history, refused, log", "动作"},
        {"access", "purpose", "", "what for", "用途"},
        {"access", "case", "hex", "for which case", "办件编号"},
        {"access", "type", "", "type of the record that was shown", "记录类型"},
        {"access", "record", "hex", "its id; empty: nothing was shown, or the whole log", "记录编号"},

        {"verify", "checked", "values", "looked at", "已检查数"},
        {"verify", "result", "", "sound", "结果"},
    };
    (void)owner;
    schema_answer(q, fields, sizeof fields / sizeof *fields);
}
