/* Everything that can be wrong, once: a stable code, how bad it is, what is wrong in words and what to do about it, in both languages.
 * `status`, `problems`, `check`, the metrics, the pages and the manual all come from this table; daemons only find and fill in the facts.
 *
 * Words in { } are facts: {age_ms} and the like are told as a time, {free_bytes} and the like as a size, all others as they are. */
#pragma once

#include "common/daemon/control.h"

#include <jansson.h>

/* X(name, code, level, where, English, Chinese, next step in English, next step in Chinese) */
#define PROBLEM_TABLE(X)                                                                                                                   \
    /* disks */                                                                                                                            \
    X(LOG_FULL, "log_full", CRITICAL, "hub", "the disk is full: nothing is accepted", "磁盘已满：不再接收任何更改",                        \
      "free space on the hub's disk", "请在市级主机上释放磁盘空间")                                                                        \
    X(STATE_FULL, "state_full", CRITICAL, "hub", "the disk is full: nothing is merged", "磁盘已满：不再合并任何更改",                      \
      "free space on the hub's disk", "请在市级主机上释放磁盘空间")                                                                        \
    X(OWN_FULL, "own_full", CRITICAL, "hub", "the disk is full: no order is taken", "磁盘已满：不再接受任何命令",                          \
      "free space on the hub's disk", "请在市级主机上释放磁盘空间")                                                                        \
    X(DISK_FULL, "disk_full", CRITICAL, "node", "the disk is full: edits are refused", "磁盘已满：拒绝保存", "free space on this machine", \
      "请在本机释放磁盘空间")                                                                                                              \
    X(DISK_LOW, "disk_low", WARNING, "both", "only {free_bytes} are free on this disk", "磁盘仅剩{free_bytes}",                            \
      "free space before it is full", "请在写满之前释放空间")                                                                              \
    X(OFFICE_DISK_LOW, "office_disk_low", WARNING, "hub",                                                                                  \
      "{count} offices have little room on their disk, the least node {node} with {free_bytes} by its last report",                        \
      "{count}个办公室磁盘空间不足，最少的是节点{node}，上次报告剩余{free_bytes}", "free space on those machines: `anjuctl nodes`",        \
      "请在这些机器上释放空间：`anjuctl nodes`")                                                                                           \
    X(ERASE_DISK, "erase_disk", WARNING, "both", "what was erased is still in the files of the stores", "已删除的内容仍留在存储文件中",    \
      "free {needed_bytes}, so that they can be written anew", "请释放{needed_bytes}空间，以便重写存储文件")                               \
    /* merging, damage */                                                                                                                  \
    X(MERGE_PAUSED, "merge_paused", CRITICAL, "hub", "merging is paused: what it needs next is damaged; what comes is accepted and kept",  \
      "合并已停止：所需数据已损坏；新来的更改仍会接收并保存",                                                                              \
      "run `anjuctl verify`, then stop the hub and restore a copy of its folder `state`, or move it away to have it made anew from the "   \
      "log",                                                                                                                               \
      "请运行`anjuctl verify`，停止市级服务后恢复state目录的备份，或移走该目录由日志重建")                                                 \
    X(MERGE_STUCK, "merge_stuck", CRITICAL, "hub", "merging has not moved for {age_ms}, and {count} entries wait",                         \
      "合并已停滞{age_ms}，{count}条待合并", "look into the hub's log; restart the hub", "请查看市级日志并重启市级服务")                   \
    X(RECORDS_DAMAGED, "records_damaged", WARNING, "hub", "{count} damaged records", "{count}条记录已损坏", "run `anjuctl verify`",        \
      "请运行`anjuctl verify`")                                                                                                            \
    X(ROSTER_DAMAGED, "roster_damaged", CRITICAL, "hub", "an office's record is damaged: it may not be able to connect",                   \
      "某办公室的登记记录已损坏，可能无法连接", "run `anjuctl verify`", "请运行`anjuctl verify`")                                          \
    X(UNREADABLE, "unreadable", CRITICAL, "hub", "what an office or a question needs is damaged", "办公室或查询所需的数据已损坏",          \
      "run `anjuctl verify`; it is told until that finds all sound", "请运行`anjuctl verify`；检查全部正常后不再提示")                     \
    X(LOST, "lost", CRITICAL, "node", "changes that were not sent yet were damaged on this disk and are lost",                             \
      "尚未上传的更改在本机磁盘上损坏，已丢失", "`anjuctl held` names them; look at the disk", "`anjuctl held`列出这些更改；请检查磁盘")   \
    X(DIGEST_ALARM, "digest_alarm", CRITICAL, "node", "digests differed although they had been equal",                                     \
      "本机与市级的数据摘要曾经一致，现在不一致",                                                                                          \
      "look into the log, run `anjuctl verify`; it is told until that finds all sound, and the digests are equal again",                   \
      "请查看日志并运行`anjuctl verify`；检查正常且摘要一致后不再提示")                                                                    \
    X(OFFICE_ALARM, "office_alarm", CRITICAL, "hub",                                                                                       \
      "{count} offices held other data than the hub after they had held the same, first node {node}",                                      \
      "{count}个办公室的数据与市级不一致（曾经一致），首个为节点{node}", "run `anjuctl verify` there and here",                            \
      "请在该办公室和市级分别运行`anjuctl verify`")                                                                                        \
    /* quarantine */                                                                                                                       \
    X(QUARANTINE, "quarantine", WARNING, "hub", "{count} changes are in quarantine", "隔离区有{count}条更改", "`anjuctl quarantine list`", \
      "`anjuctl quarantine list`")                                                                                                         \
    X(QUARANTINE_GROWS, "quarantine_grows", WARNING, "hub", "quarantine grows: {count} changes are in it, {more} more than {age_ms} ago",  \
      "隔离区在增长：现有{count}条，{age_ms}内新增{more}条", "`anjuctl quarantine list` says from whom and why",                           \
      "`anjuctl quarantine list`可查看来源和原因")                                                                                         \
    X(QUARANTINE_FULL, "quarantine_full", CRITICAL, "hub",                                                                                 \
      "a node has filled its quarantine; nothing more is taken from it (node {node})", "节点{node}的隔离区已满，不再接收其更改",           \
      "`anjuctl quarantine list --node {node}`: retry or discard what is there, all of one reason with --held-for; a machine that is "     \
      "not to be trusted: `anjuctl node revoke {node}`",                                                                                   \
      "`anjuctl quarantine list --node {node}`，逐条重试或丢弃，同一原因可用--held-for；不可信的机器：`anjuctl node revoke {node}`")       \
    X(HELD, "held", WARNING, "node", "the city did not take some changes ({count})", "市级搁置了{count}条更改",                            \
      "`anjuctl held` says which and why; city hall takes or discards them: `anjuctl quarantine list` there",                              \
      "`anjuctl held`可查看哪些及原因；由市级重试或丢弃：在市级运行`anjuctl quarantine list`")                                             \
    /* links */                                                                                                                            \
    X(NODE_OFFLINE, "node_offline", WARNING, "hub", "{count} offices are offline, the longest node {node} for {age_ms}",                   \
      "{count}个办公室离线，最久的是节点{node}，已{age_ms}", "`anjuctl nodes`; look at line and machine there",                            \
      "`anjuctl nodes`；请检查当地线路和机器")                                                                                             \
    X(NODE_UNVERIFIED, "node_unverified", CRITICAL, "hub",                                                                                 \
      "{count} offices are connected, but nothing comes through to them and back; the longest node {node} for {age_ms}",                   \
      "{count}个办公室已连接，但数据无法往返；最久的是节点{node}，已{age_ms}", "look whether the hub merges; restart the node there",      \
      "请检查市级合并是否正常；重启该节点")                                                                                                \
    X(UNVERIFIED, "unverified", CRITICAL, "node", "connected, but for {age_ms} nothing has come through to the city and back",             \
      "已连接，但{age_ms}以来数据无法往返市级", "ask city hall whether the hub merges", "请询问市级合并是否正常")                          \
    X(LINK, "link", WARNING, "node", "{why}", "未连接：{why}", "edits are saved here and sent later", "更改保存在本机，连接后自动上传")    \
    X(REFUSED, "refused", CRITICAL, "node", "{why}", "市级拒绝连接：{why}",                                                                \
      "tell city hall; what is settled there is tried again within five minutes, at once after `anjuctl pause` and `anjuctl resume`",      \
      "请联系市级管理员；市级处理后五分钟内自动重试，`anjuctl pause`后`anjuctl resume`可立即重试")                                         \
    X(WRONG_KEY, "wrong_key", WARNING, "hub",                                                                                              \
      "{who} was not let in ({count} times since the start): its key is not enrolled here, or revoked",                                    \
      "{who}被拒绝（启动后{count}次）：其密钥未登记或已吊销", "if it is a new office: `anjuctl node add`; a revoked one stays out",        \
      "若是新办公室：`anjuctl node add`；已吊销的不得接入")                                                                                \
    X(OTHER_HUB, "other_hub_key", WARNING, "hub",                                                                                          \
      "{who} was not let in ({count} times since the start): it was enrolled with another hub's key",                                      \
      "{who}被拒绝（启动后{count}次）：其登记文件使用了其他市级密钥",                                                                      \
      "`anjuctl node add` makes an enrolment file with this hub's key; give it to that office, --join",                                    \
      "请用`anjuctl node add`生成含本市密钥的登记文件，交该办公室--join")                                                                  \
    X(OTHER_TONGUE, "other_tongue", WARNING, "hub",                                                                                        \
      "{who} was not let in ({count} times since the start): it does not speak as a node does",                                            \
      "{who}被拒绝（启动后{count}次）：不是节点协议", "nothing but nodes should reach this port", "此端口只应由节点访问")                  \
    X(FORKED, "forked", CRITICAL, "hub", "two disks speak with one key (node {node})", "两块磁盘使用同一密钥（节点{node}）",               \
      "find out which is right and switch the other off, then `anjuctl node approve {node}`",                                              \
      "请查明哪一台正确并关闭另一台，然后`anjuctl node approve {node}`")                                                                   \
    X(GAP, "gap", CRITICAL, "hub", "node {node} cannot go on: what lies between its log and ours is nowhere",                              \
      "节点{node}无法继续：其日志与市级之间有缺口", "`anjuctl node show {node}`; deploy/BACKUP.md says how it goes on",                    \
      "`anjuctl node show {node}`；处理步骤见deploy/BACKUP.md")                                                                            \
    X(NODE_ALARM, "node_alarm", CRITICAL, "hub",                                                                                           \
      "node {node} (key {key}) speaks as no node of ours does: garbage {garbage}, forged {forged}, flood {flood}",                         \
      "节点{node}（密钥{key}）行为异常：无法解析{garbage}，冒名{forged}，超量{flood}",                                                     \
      "look at that machine, or `anjuctl node revoke {node}`", "请检查该机器，或`anjuctl node revoke {node}`")                             \
    X(NODE_CLOCK, "node_clock", WARNING, "hub", "{count} offices have a wrong clock, the worst node {node} by {off_ms}",                   \
      "{count}个办公室时钟错误，最严重的是节点{node}，偏差{off_ms}", "set the clock there, or let it follow a time source",                \
      "请校正当地时钟，或配置时间源")                                                                                                      \
    X(CLOCK, "clock", WARNING, "node", "this machine's clock differs from the city's by {off_ms}", "本机时钟与市级相差{off_ms}",           \
      "set the clock, or let it follow a time source", "请校正时钟，或配置时间源")                                                         \
    /* versions and policies */                                                                                                            \
    X(VERSION, "version_mismatch", CRITICAL, "hub",                                                                                        \
      "{count} offices speak a protocol that this hub does not, first node {node} ({software})",                                           \
      "{count}个办公室的协议版本与市级不符，首个为节点{node}（{software}）", "install the same version there and here",                    \
      "请在两端安装相同版本")                                                                                                              \
    X(UPDATE, "update_needed", WARNING, "hub",                                                                                             \
      "update needed: {count} offices run a program that is older than the city asks for, and take no edits: node {nodes}",                \
      "需要升级：{count}个办公室的程序低于市级要求，不能保存更改：节点{nodes}", "install a newer version there", "请在当地安装新版本")     \
    X(UPDATE_HUB, "update_hub", WARNING, "hub",                                                                                            \
      "update needed: the city asks for protocol {protocol} and store format {store}; this hub ({version}) has {own_protocol} and "        \
      "{own_store}",                                                                                                                       \
      "需要升级：本市要求协议{protocol}、存储格式{store}；市级程序（{version}）为{own_protocol}和{own_store}",                             \
      "install a newer version, or publish a lower floor", "请安装新版本，或下调要求")                                                     \
    X(UPDATE_HERE, "update_here", CRITICAL, "node", "{why}", "{why}", "install a newer version", "请安装新版本")                           \
    X(POLICY_REFUSED, "policy_refused", WARNING, "hub", "{count} offices refused {policy}, version {version}",                             \
      "{count}个办公室拒收{policy}第{version}版",                                                                                          \
      "`anjuctl policy who {policy} --version {version}` says which and why; publish it again, mended",                                    \
      "`anjuctl policy who {policy} --version {version}`可查看哪些及原因；请修正后重新发布")                                               \
    X(POLICY_LATE, "policy_late", WARNING, "hub", "{count} offices still work by older rules than {policy}, version {version}",            \
      "{count}个办公室仍在使用{policy}第{version}版之前的规定",                                                                            \
      "`anjuctl policy who {policy}` says which; they take it up when they come",                                                          \
      "`anjuctl policy who {policy}`可查看哪些；上线后会自动采用")                                                                         \
    X(POLICIES_REFUSED, "policies_refused", WARNING, "node",                                                                               \
      "{count} policies of the city were refused here, and what was in force before stays", "本站拒收了{count}项市级政策，原规定继续有效", \
      "`anjuctl policies` says why; tell city hall", "`anjuctl policies`可查看原因；请告知市级")                                           \
    X(RULES_UNREAD, "rules_unread", WARNING, "node", "{count} rules in force cannot be read by this program and do not act here",          \
      "{count}项现行规定本程序无法读取，在此不起作用", "`anjuctl rules` names them as unread; install the version that city hall uses",    \
      "`anjuctl rules`会标出；请安装市级使用的版本")                                                                                       \
    X(AREAS_MANY, "areas_many", WARNING, "hub",                                                                                            \
      "{count} offices cannot serve what follows a dissolved area: with it they would pull more than {most} feeds; their records move "    \
      "all the same; first node {node}",                                                                                                   \
      "{count}个办公室无法接管撤并后的区划：将超过{most}个区域；记录仍会迁移；首个为节点{node}",                                           \
      "enrol two nodes in its place, each for a part of its areas (`anjuctl node token AREAS`), then `anjuctl node retire {node}`",        \
      "请以两个节点代替它，各负责一部分区域（`anjuctl node token`），然后`anjuctl node retire {node}`")                                    \
    X(RETENTION_LEFT, "retention_left", WARNING, "hub", "{count} records are due for retention beside what one night does",                \
      "除当夜处理外，还有{count}条到期记录", "`anjuctl retention run` goes on now", "`anjuctl retention run`可立即继续")                   \
    /* backups */                                                                                                                          \
    X(BACKUP_NONE, "backup_none", WARNING, "hub", "no backup was made yet: nothing is safe, and nodes keep all they ever sent",            \
      "尚未做过备份：任何数据都不安全，节点会保留全部已发送内容", "`anjuctl backup DIR`", "`anjuctl backup DIR`")                          \
    X(BACKUP_OLD, "backup_old", WARNING, "hub", "the last backup is {age_ms} old", "上次备份距今{age_ms}", "`anjuctl backup DIR`",         \
      "`anjuctl backup DIR`")                                                                                                              \
    X(BACKUP_FAILED, "backup_failed", CRITICAL, "hub", "the last backup failed: {why}", "上次备份失败：{why}",                             \
      "mend that and make another: `anjuctl backup DIR`", "请排除后重做：`anjuctl backup DIR`")                                            \
    X(BACKUPS_LEFT, "backups_left", WARNING, "hub", "older backups could not be deleted, and what is not in them is not safe",             \
      "旧备份无法删除，其中没有的内容不安全", "the log says why", "原因见日志")                                                            \
    /* enrolment and keys */                                                                                                               \
    X(NOT_ENROLLED, "not_enrolled", CRITICAL, "node", "{why}", "未登记：{why}", "{how}", "{how}")                                          \
    X(ENROL_WAITS, "enrol_waits", WARNING, "hub", "{count} machines wait to be enrolled", "{count}台机器等待登记",                         \
      "`anjuctl node pending`; compare the code, then `anjuctl node approve CODE`",                                                        \
      "`anjuctl node pending`；核对代码后`anjuctl node approve CODE`")                                                                     \
    X(ENROL_PORT, "enrol_port", WARNING, "hub", "the enrolment endpoint {endpoint} cannot be opened: {why}; it is tried again",            \
      "登记端口{endpoint}无法打开：{why}；将重试", "free that port, or set another", "请释放该端口或另行设置")                             \
    X(METRICS_PORT, "metrics_port", WARNING, "both", "the metrics endpoint {endpoint} cannot be opened: {why}",                            \
      "指标端口{endpoint}无法打开：{why}", "free that port, or set another, and restart", "请释放该端口或另行设置，然后重启")              \
    X(PAGE_PORT, "page_port", WARNING, "both", "the page cannot be opened at {endpoint}: {why}", "页面无法在{endpoint}打开：{why}",        \
      "set `page` to an address that is free, and restart", "请将page设为空闲的地址并重启")                                                \
    X(HUB_KEY_MOVING, "hub_key_moving", WARNING, "hub", "the hub's keys change: {count} offices have not come by the new endpoint yet",    \
      "市级密钥更换中：{count}个办公室尚未迁移", "`anjuctl nodes`", "`anjuctl nodes`")                                                     \
    X(HUB_KEY_MOVED, "hub_key_moved", WARNING, "hub", "the hub's keys change: all offices have moved",                                     \
      "市级密钥更换中：所有办公室均已迁移", "`anjuctl hub-key retire`", "`anjuctl hub-key retire`")                                        \
    X(HUB_KEY_PORT, "hub_key_port", CRITICAL, "hub", "the hub's next endpoint {endpoint} cannot be opened",                                \
      "市级新地址{endpoint}无法打开", "free it, restart the hub", "请释放该端口并重启市级服务")                                            \
    /* audit logs */                                                                                                                       \
    X(AUDIT_NODE, "audit_node", CRITICAL, "hub", "the audit log of node {node} {verdict}: it had {n} entries, and on {when} said {said}",  \
      "节点{node}的审计日志异常（{verdict}）：曾有{n}条，{when}报告为{said}条",                                                            \
      "look at that machine, then `anjuctl audit settle {node}`", "请检查该机器，然后`anjuctl audit settle {node}`")                       \
    X(AUDIT_HUB, "audit_hub", CRITICAL, "hub", "the hub's own audit log {verdict}: a node keeps a head of {n} entries",                    \
      "市级审计日志异常（{verdict}）：某节点保存的摘要为{n}条", "run `anjuctl audit verify`, then `anjuctl audit settle hub`",             \
      "请运行`anjuctl audit verify`，然后`anjuctl audit settle hub`")                                                                      \
    X(AUDIT_BAD, "audit_bad", CRITICAL, "hub", "the hub's own audit log does not hold from entry {n} on", "市级审计日志自第{n}条起不成立", \
      "`anjuctl audit verify`", "`anjuctl audit verify`")                                                                                  \
    X(AUDIT_OWN, "audit_own", CRITICAL, "node", "this office's audit log is not what it was", "本站审计日志与先前不符",                    \
      "run `anjuctl audit verify`, then `anjuctl audit settle`", "请运行`anjuctl audit verify`，然后`anjuctl audit settle`")               \
    X(AUDIT_CITY, "audit_city", CRITICAL, "node", "the hub's audit log does not go on from what this office keeps of it",                  \
      "市级审计日志与本站保存的摘要不衔接", "ask city hall; `anjuctl audit heads`", "请询问市级；`anjuctl audit heads`")

enum problem_level { PROBLEM_FINE, PROBLEM_WARNING, PROBLEM_CRITICAL };

enum problem_name {
#define X(name, code, level, where, en, zh, next, next_zh) PROBLEM_##name,
    PROBLEM_TABLE(X)
#undef X
        PROBLEM_NAMES
};

struct problem {
    const char *code;
    enum problem_level level;
    const char *where; /* hub, node, both */
    const char *en, *zh, *next, *next_zh;
};
const struct problem *problem_of(enum problem_name name);

/* What was found. All zeroes is empty. */
struct problem_found {
    enum problem_name name;
    enum problem_level level; /* the table's, or a worse one */
    json_t *facts;            /* owns; an object */
};
struct problems {
    struct problem_found *list; /* owns; the worst first, once problems_sort was called */
    size_t count;
};
/* The facts by json_pack: problem_add(p, PROBLEM_HELD, "{s:I}", "count", (json_int_t)n). */
void problem_add(struct problems *p, enum problem_name name, const char *facts, ...);
void problems_sort(struct problems *p); /* by level; otherwise as they were found */
enum problem_level problems_level(const struct problems *p);
const char *problem_level_name(enum problem_level level); /* ok, warning, critical */
void problem_text(const struct problem_found *f, bool zh, struct buffer *out);
void problem_next(const struct problem_found *f, bool zh, struct buffer *out);
void problems_close(struct problems *p);

/* What an operator asks to be told of; `check` can set it otherwise. */
struct problem_limits {
    uint64_t lag_ms;     /* a canary, or the fold, may be so old */
    uint64_t offline_ms; /* an office may be away so long */
    uint64_t disk_bytes; /* free, at least */
};
enum { PROBLEM_LAG_MS = 150000, PROBLEM_OFFLINE_MS = 86400000, PROBLEM_DISK_BYTES = 1 << 30 };
/* From max-lag, max-offline (seconds) and disk (MiB) of a request; false: it was answered with what is wrong. */
bool problem_limits_of(struct request *q /* takes when false */, struct problem_limits *out);

/* ---- answers that both daemons give of what they found */
json_t *problems_words(const struct problems *p, bool zh);                     /* gives: "text; next" each, for status */
json_t *problem_row(const struct problem_found *f, bool zh);                   /* gives */
void problems_answer(struct request *q /* takes */, const struct problems *p); /* rows; with `all` the table */
void problems_answer_check(struct request *q /* takes */, const struct problems *p, json_t *numbers /* takes */);
/* For metrics: how many there are of it; {count} where it has one. */
uint64_t problems_number(const struct problems *p, enum problem_name name);
