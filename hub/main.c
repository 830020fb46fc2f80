/* anju-hub: the city's daemon. Its life: settings, keys, the city's secrets, stores, engine, status socket, loop, ordered stop. */
#include "hub/backup.h"
#include "hub/policy.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct setting settings[] = {
    {"data", SETTING_TEXT, "/var/lib/anju/hub", 0, 0, "folder of the stores, the keys and the city's secrets"},
    {"socket", SETTING_TEXT, "/run/anju/hub", 0, 0, "folder of status.sock and admin.sock"},
    {"listen", SETTING_ENDPOINT, "tcp://[::]:7401", 0, 0, "where nodes connect; port * takes a free one"},
    {"enrol", SETTING_ENDPOINT, "tcp://[::]:7402", 0, 1, "where new machines bring their token; port * takes a free one; empty: nowhere"},
    {"advertise", SETTING_ENDPOINT, "", 1, 1, "the address that enrolment files name; empty: what listen gave"},
    {"catalogue", SETTING_TEXT, "/usr/share/anju/catalogue", 0, 0,
     "folder of catalogue documents that are published at start; empty: none"},
    {"policy_signers", SETTING_TEXT, "", 0, 0,
     "for --init: public policy keys beside the hub's own (anjuctl policy keygen), apart by commas"},
    {"policy_threshold", SETTING_NUMBER, "1", 1, 8, "for --init: how many of the policy keys must sign a policy"},
    {"backup_key", SETTING_TEXT, "", 0, 0,
     "file of the key that backups are encrypted with, made when missing; keep a copy away from them; empty: backup.key in the data "
     "folder"},
    SEALING_SETTING,
    {"page", SETTING_ENDPOINT, "tcp://127.0.0.1:7490", 0, 1,
     "where the page for city IT is served, without TLS; port * takes a free one; empty: nowhere"},
    {"page_files", SETTING_TEXT, "/usr/share/anju/www/hub", 0, 0, "folder of the page's files"},
    {"page_names", SETTING_TEXT, "", 0, 0, "names by which browsers may ask for the page, beside addresses and localhost; apart by commas"},
    {"backups_kept", SETTING_NUMBER, "2", 1, 1000, "backups that a restore may use; older ones are deleted after a new one"},
    {"metrics", SETTING_ENDPOINT, "tcp://127.0.0.1:7491", 0, 1,
     "where Prometheus asks; there is no login, so keep it on this machine; port * takes a free one; empty: nowhere"},
    {"log_level", SETTING_CHOICE, "info debug warning error", 0, 0, "debug, info, warning or error"},
    {"log_form", SETTING_CHOICE, "plain journal json", 0, 0, "plain, journal or json, on standard error"},
};

static const struct command commands[] = {
    {"status", CONTROL_STATUS, cmd_status, "", "lang=", "", "the city on one screen; -x: exits 0, 1, 2 as `check` does", "全市状态"},
    {"problems", CONTROL_STATUS, cmd_problems, "", "all lang= max-lag= max-offline= disk=", "severity code where node text next",
     "what is wrong now and what to do; --all: everything that can be", "当前问题与处理办法"},
    {"check", CONTROL_STATUS, cmd_check, "", "lang= max-lag= max-offline= disk=", "",
     "one line for a monitor (exit 0, 1, 2, 3): --max-lag S, --max-offline S, --disk MIB, -f nagios|prometheus|json", "供监控系统检查"},
    {"metrics", CONTROL_STATUS, cmd_metrics, "", "", "", "numbers in the text form of Prometheus", "Prometheus格式的指标"},
    {"nodes", CONTROL_STATUS, cmd_nodes, "nodes*",
     "sort= state=", "node name areas state software update_needed queue accepted merged held wrongs at",
     "every office's node, or only those: [N…]; --sort FIELD, or -FIELD downwards; --state STATE",
     "所有节点，或仅列出指定节点：[N…]；--sort 字段（-字段为降序）；--state 状态"},
    {"node show", CONTROL_STATUS, cmd_node_show, "node", "", "", "one node", "查看一个节点"},
    {"node add", CONTROL_ADMIN, cmd_node_add, "area", "name= key= out=", "", "enrol a node; --out FILE gets its enrolment file",
     "登记新节点"},
    {"node token", CONTROL_ADMIN, cmd_node_token, "area", "name= expires= auto", "", "a token that enrols one machine; printed once",
     "生成一次性登记令牌"},
    {"node tokens", CONTROL_ADMIN, cmd_node_tokens, "", "", "id area name state auto expires_ms node", "tokens, without their secrets",
     "登记令牌列表"},
    {"node token revoke", CONTROL_ADMIN, cmd_node_token_revoke, "id", "", "", "take a token back", "作废登记令牌"},
    {"node enrolment", CONTROL_ADMIN, cmd_node_enrolment, "node", "out=", "", "a node's enrolment file once more, into --out FILE",
     "重新导出节点登记文件"},
    {"node pending", CONTROL_ADMIN, cmd_node_pending, "", "", "code area name asked_ms id", "machines that wait for approval",
     "待批准的机器"},
    {"node approve", CONTROL_ADMIN, cmd_node_approve, "node", "", "",
     "CODE: let the machine in that shows this code; N: two disks spoke with one key, the next to connect goes on",
     "按代码批准机器，或按编号确认节点"},
    {"node reject", CONTROL_ADMIN, cmd_node_reject, "code", "", "", "turn away the machine that shows this code", "拒绝机器"},
    {"node pause", CONTROL_ADMIN, cmd_node_pause, "node", "", "", "take nothing from a node for a while", "暂停节点"},
    {"node resume", CONTROL_ADMIN, cmd_node_resume, "node", "", "", "go on with a paused node", "恢复节点"},
    {"node retire", CONTROL_ADMIN, cmd_node_retire, "node", "now", "",
     "close an office's node when all that it has is here, or --now; its records stay", "停用节点"},
    {"node triage", CONTROL_ADMIN, cmd_node_triage, "file", "", "",
     "take what a revoked or closed node had not sent (anjuctl export unsent there) into quarantine", "接收停用节点的未上传更改"},
    {"node revoke", CONTROL_ADMIN, cmd_node_revoke, "node", "", "", "never take anything from this key again", "吊销节点"},
    {"hub-key rotate", CONTROL_ADMIN, cmd_hub_key_rotate, "", "endpoint= advertise=", "",
     "new keys for the hub: a second endpoint answers with them, and the offices move over", "更换市级密钥"},
    {"hub-key retire", CONTROL_ADMIN, cmd_hub_key_retire, "", "now", "",
     "close the endpoint with the former key when all offices have moved, or --now", "停用旧市级密钥"},
    {"policies", CONTROL_STATUS, cmd_policies, "", "all", "kind name scope version from to state applied of refused",
     "policies, and how many offices have each; --all also those that are over", "政策与到达情况"},
    {"policy show", CONTROL_STATUS, cmd_policy_show, "policy", "scope= version=", "",
     "one policy: its text, its versions, who has it: KIND/NAME", "查看政策"},
    {"policy who", CONTROL_STATUS, cmd_policy_who, "policy", "scope= version=", "node name state fault", "which offices have taken it up",
     "哪些办公室已采用"},
    {"policy preview", CONTROL_STATUS, cmd_policy_preview, "file", "", "line text",
     "what a file would change, where and from when: nothing is published", "预览政策"},
    {"policy publish", CONTROL_ADMIN, cmd_policy_publish, "file", "pilot= widen draft signatures=", "",
     "sign a policy and put it into the feed; --pilot AREAS first there, --widen from there to its whole scope", "发布政策"},
    {"policy rollback", CONTROL_ADMIN, cmd_policy_rollback, "policy", "scope= to= draft signatures=", "",
     "a new version that goes back to the one before, or to --to VERSION: KIND/NAME", "回退政策"},
    {"policy halt", CONTROL_ADMIN, cmd_policy_halt, "policy", "scope= draft signatures=", "",
     "a new version that ends the policy in this scope; the one of the wider scope counts again", "停止政策"},
    {"decide", CONTROL_ADMIN, cmd_decide, "type id words*", "actor= purpose= reason=", "",
     "what only the city says of a record: fields of rule hub, once, max, min, and states of a case: TYPE ID FIELD=VALUE…", "市级决定"},
    {"areas", CONTROL_STATUS, cmd_areas, "", "dissolved", "code zh state from to successor offices left",
     "the divisions as the policy area_tree has them; --dissolved only those that are no more, and how many records are still to be moved",
     "区划与调整情况"},
    {"retention", CONTROL_STATUS, cmd_retention, "", "days=", "due action type id rule policy version law",
     "records whose time is over in the next --days DAYS (30), by day: no values", "到期记录"},
    {"retention run", CONTROL_ADMIN, cmd_retention_run, "", "dry-run timeout= no-wait",
     "action type rule records order state policy version law",
     "what every night does by itself, now: erase, shrink and restrict what is due; --dry-run only says what", "立即执行到期处理"},
    {"trend", CONTROL_STATUS, cmd_trend, "", "hours=", "at_ms offices_backlog merge_backlog oldest_ms online conflicts held received",
     "how backlog, lag and offices went over the last --hours HOURS (24)", "最近走势"},
    {"conflicts", CONTROL_STATUS, cmd_conflicts, "", "", "type id field sides", "fields with concurrent values (without the values)",
     "并发值"},
    {"conflict show", CONTROL_STATUS, cmd_conflict_show, "type id", "", "field node at_ms side home",
     "who said what is to be decided of one record, and which office decides (without the values)", "查看一条记录的并发各方"},
    {"quarantine list", CONTROL_STATUS, cmd_quarantine, "", "node= held-for=", "node seq held_for reason type id",
     "changes that were not taken, and why", "隔离区"},
    {"quarantine show", CONTROL_STATUS, cmd_quarantine_show, "node seq", "incarnation=", "",
     "one of them: what it is without its values, why it is held, what to do", "查看一条隔离的更改"},
    {"quarantine retry", CONTROL_ADMIN, cmd_quarantine_retry, "node seq?", "incarnation= held-for= all", "",
     "a person has looked at this change, or at all of one node that are held for one reason: try them again", "重试隔离的更改"},
    {"quarantine discard", CONTROL_ADMIN, cmd_quarantine_discard, "node seq?", "incarnation= held-for= all reason=", "",
     "this change, or all of one node that are held for one reason, shall not be merged", "丢弃隔离的更改"},
    {"digest", CONTROL_STATUS, cmd_digest, "", "node= area=", "area digest", "digests, as the node has them", "摘要"},
    {"export", CONTROL_ADMIN, cmd_export, "", "hashes raw node= actor= purpose= case=", "type id raw hash",
     "the replicated state, in all or of a node's areas: --hashes to compare by, --raw the values", "导出"},
    {"history", CONTROL_ADMIN, cmd_history, "type id",
     "actor= purpose= case=", "seq state version_ms node office purpose actor fields proof",
     "who changed a record, when, what for, and what proves it: its office's signature, while the log has it", "记录的更改历史与签名证明"},
    {"why", CONTROL_ADMIN, cmd_why, "record node?", "lang=", "step node office state at_ms seq words",
     "where a record is and why it is not there yet: TYPE/ID or ID, and an office's node", "记录在哪里、为何还没到"},
    {"audit export", CONTROL_ADMIN, cmd_audit_export, "id?",
     "actor= purpose= case= from= to=", "n at_ms actor uid action purpose case type record change note",
     "the hub's own audit log: who did what here, and what for", "导出审计日志"},
    {"audit person", CONTROL_ADMIN, cmd_audit_person, "person", "actor= purpose= case= lang=", "words",
     "who was shown what of this person here, and which offices keep notes of their own: TYPE/ID", "谁看过此人的记录"},
    {"audit verify", CONTROL_ADMIN, cmd_audit_verify, "", "", "",
     "compute the log's chain again and compare it with every head that is kept", "校验审计日志"},
    {"audit heads", CONTROL_ADMIN, cmd_audit_heads, "node?", "", "whose keeper n heard_ms broken now", "heads of audit logs that are kept",
     "审计日志摘要"},
    {"audit settle", CONTROL_ADMIN, cmd_audit_settle, "node", "", "",
     "a person has looked: tell a broken audit log of N, or of `hub`, no more", "确认审计异常"},
    {"person erase", CONTROL_ADMIN, cmd_person_erase, "id", "reason= order= type= confirm= yes dry-run", "type erased cleared",
     "erase a person and all that is about them for ever, everywhere; --dry-run lists what goes", "彻底删除一个人及其相关记录"},
    {"person erase-status", CONTROL_ADMIN, cmd_person_erase_status, "order", "", "node name state at_ms",
     "who has carried an order to erase out, and who has not yet", "删除命令执行情况"},
    {"erasures", CONTROL_ADMIN, cmd_erasures, "", "", "order at_ms type state reason law",
     "all orders to erase: why, by which law, and if all have carried them out", "全部删除命令"},
    {"account add", CONTROL_ADMIN, cmd_account_add, "name", "password", "",
     "an account that may log in at the page as an admin; the password is asked for, or one line of standard input", "新增网页管理员账号"},
    {"account passwd", CONTROL_ADMIN, cmd_account_passwd, "name", "password", "",
     "give an account another password, in the same way; it is logged out", "重设账号密码"},
    {"account remove", CONTROL_ADMIN, cmd_account_remove, "name", "", "", "take an account away; it is logged out", "删除账号"},
    {"account list", CONTROL_ADMIN, cmd_account_list, "", "", "account made_ms changed_ms sessions", "accounts, and how many are logged in",
     "账号列表"},
    SELF_COMMANDS,
    {"backup", CONTROL_ADMIN, cmd_backup, "dir", "timeout= no-wait", "", "make an encrypted, verified backup in DIR/<time>", "备份"},
    {"backups", CONTROL_ADMIN, cmd_backups, "", "", "path made_ms bytes position accepted", "backups that a restore may use",
     "可用备份列表"},
    {"verify", CONTROL_ADMIN, cmd_verify_state, "", "timeout= no-wait", "",
     "check the merged state against itself, and the log against the offices' keys", "检查存储"},
    {"schema", CONTROL_STATUS, cmd_schema, "command?", "", "command field unit text", "what the fields of every answer mean",
     "各命令返回字段的含义"},
};

enum { PORT_WAIT_MS = 2000, DAY_LOOK_MS = 5000 };

enum { COMMANDS = sizeof commands / sizeof *commands };

/* Orders are noted before they are carried out. The rest reads nothing personal, or notes itself with what it shows. */
static bool is_order(const struct command *c) {
    static void (*const none[])(void *owner, struct request *q) = {
        self_events,      cmd_node_tokens,  cmd_node_pending, cmd_export,      cmd_history,  cmd_backups,     cmd_verify_state,
        cmd_audit_export, cmd_audit_person, cmd_audit_verify, cmd_audit_heads, cmd_erasures, cmd_account_list};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (c->run == none[i])
            return false;
    return c->level == CONTROL_ADMIN;
}

void city_ordered(struct city *c, struct request *q) {
    const char *name = request_command(q)->name;
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            commands[i].run(c, q);
}

static void path_of(const struct city *c, const char *name, struct buffer *out) {
    buffer_format(out, "%s/%s", settings_text(c->settings, "data"), name);
}

static int say(const char *what, const char *why) {
    fprintf(stderr, "anju-hub: %s: %s\n", what, why);
    return EXIT_FAILED;
}

/* ---- --init: the city. Each file is made once and never overwritten. */

static int write_once(const char *path, struct bytes text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    int r = write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0 ? 0 : -EIO;
    close(fd);
    if (r != 0)
        unlink(path);
    return r;
}

static int make_root(struct city *c) {
    struct buffer path = {0};
    path_of(c, "policy.root", &path);
    int r = policy_root_make(c, &c->policy_root) ? write_once(buffer_string(&path), buffer_bytes(&c->policy_root)) : -EINVAL;
    buffer_clear(&c->policy_root);
    if (r == 0) /* it may have been there before */
        r = file_read(buffer_string(&path), 4096, &c->policy_root);
    if (r == -EINVAL)
        say("policy_signers, policy_threshold",
            "public halves of policy keys (anjuctl policy keygen), and at most as many signatures as keys");
    else if (r != 0)
        say(buffer_string(&path), strerror(-r));
    buffer_close(&path);
    return r;
}

static int make_city(const struct city *c, const char *path) {
    struct enrolment *e = memory_zeroed(1, sizeof *e);
    struct buffer file = {0};
    char text[PUBLIC_TEXT];
    uint8_t secret[32], index[32];
    entropy_fill(secret, sizeof secret);
    entropy_fill(index, sizeof index);
    e->city = entropy_id();
    e->name = BYTES("city");
    e->city_secret = bytes_of(secret, sizeof secret);
    e->index_key = bytes_of(index, sizeof index);
    e->hub_public = bytes_text(public_text(&c->keys.public, text));
    e->policy_root = hash_of(buffer_bytes(&c->policy_root));
    e->endpoint = BYTES("tcp://127.0.0.1:7401");
    wire_enrolment_pack(e, &file);
    int r = write_once(path, buffer_bytes(&file));
    buffer_close(&file);
    free(e);
    return r;
}

static int make_keys(const struct city *c, const char *name, struct keys *out) {
    struct buffer path = {0};
    path_of(c, name, &path);
    int r = keys_make(buffer_string(&path), out);
    if (r == KEYS_EXIST)
        r = keys_load(buffer_string(&path), out);
    if (r != 0)
        say(buffer_string(&path), keys_outcome_text(r));
    buffer_close(&path);
    return r;
}

/* A key is made only where nothing is sealed yet. */
static int open_seal(struct city *c) {
    static const char *const stores[] = {"log/data.mdb", "state/data.mdb", "own/data.mdb"};
    struct buffer path = {0};
    struct stat st;
    bool begun = false;
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++) {
        buffer_clear(&path);
        path_of(c, stores[i], &path);
        begun = begun || stat(buffer_string(&path), &st) == 0;
    }
    buffer_close(&path);
    return service_seal("anju-hub", c->settings, settings_text(c->settings, "data"), !begun, &c->sealing);
}

static int init(struct city *c) {
    struct buffer path = {0};
    char text[PUBLIC_TEXT];
    const char *folder = settings_text(c->settings, "data");
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return say(folder, strerror(errno));
    if (make_keys(c, "keys", &c->keys) != 0 || make_keys(c, "policy.keys", &c->policy_keys) != 0 || make_root(c) != 0 ||
        open_seal(c) != EXIT_GOOD)
        return EXIT_FAILED;
    path_of(c, "city", &path);
    int r = make_city(c, buffer_string(&path));
    if (r != 0)
        say(buffer_string(&path), strerror(-r));
    else
        printf("%s\n", public_text(&c->keys.public, text));
    buffer_close(&path);
    return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}

/* ---- running */

static int load_keys(const struct city *c, const char *name, struct keys *out) {
    struct buffer path = {0};
    path_of(c, name, &path);
    int r = keys_load(buffer_string(&path), out);
    if (r != 0)
        say(buffer_string(&path), keys_outcome_text(r));
    buffer_close(&path);
    return r;
}

static int load_city(struct city *c) {
    struct buffer path = {0};
    uint8_t file[65536];
    path_of(c, "city", &path);
    FILE *f = fopen(buffer_string(&path), "re");
    size_t n = f == NULL ? 0 : fread(file, 1, sizeof file, f);
    if (f != NULL)
        fclose(f);
    int r = n > 0 && wire_enrolment_unpack(arena_copy(&c->arena, bytes_of(file, n)), &c->arena, &c->who) == 0 ? 0 : -1;
    if (r != 0)
        say(buffer_string(&path), f == NULL ? "there is no city here; run --init first" : "damaged; put back its copy");
    buffer_close(&path);
    return r;
}

static void on_fatal(void *owner, int result) {
    struct city *c = owner;
    log_fact(
        LOG_ERROR, "store.failed", FACT_TEXT("why", error_text(result)), FACT_TEXT("do", "look at the disk, restart, run anjuctl verify"));
    c->exit = EXIT_STORE;
    uv_stop(&c->loop);
}

bool city_writes(const struct city *c) {
    struct hub_troubles t = hub_engine_troubles(c->engine);
    return !t.log_full && !t.state_full && !t.own_full && !t.merge_paused;
}

static void on_merged(void *owner, const struct merged *m) {
    areas_merged(owner, m);
    standing_look(owner, m->policies);
    retention_merged(owner, m);
}

static void on_daily(uv_timer_t *t) {
    areas_look(t->data);
    standing_look(t->data, false);
    retention_look(t->data);
    watch_look(t->data);
}

static int open_engine(struct city *c) {
    static const char trimmed[] =
        "log and state do not belong together: the state (its folder `state`) is from before what the log (`log`) "
        "begins with, and what lies between is in neither; nothing was merged: put back the newest copy of `state`";
    static const char damaged[] = "what log or state say of their place is damaged; nothing was changed: restore a backup, or, if it is "
                                  "the state (the log names what "
                                  "cannot be read), move `state` away: it is made again from the log as far as that goes back";
    struct hub_stores stores;
    struct buffer door = {0};
    const char *folder = settings_text(c->settings, "data"), *listen = city_listen(c);
    int r = hub_stores_open(folder, c->sealing.seal, &stores);
    if (r != 0) {
        say(folder, r == HUB_STORES_JOIN + HUB_JOIN_TRIMMED ? trimmed
                    : r == -EBADMSG                         ? damaged
                    : r > 0                                 ? store_open_hint(r)
                                                            : error_text(r));
        return EXIT_STORE;
    }
    struct hub_engine_calls calls = {
        .fatal = on_fatal,
        .key = office_key,
        .emptied = office_emptied,
        .signed_order = erase_signed,
        .merged = on_merged,
        .ordered = erase_ordered,
        .compacted = erase_compacted,
        .holder = erase_holder,
        .owner = c,
        .compaction = {self_compaction_began, self_compaction_ended, c}};
    buffer_format(&door, "ipc://%s/door.sock", folder);
    r = hub_engine_open(&c->loop, &stores, buffer_string(&door), &c->keys, &calls, &c->engine);
    if (r != 0 && c->exit == EXIT_GOOD) /* else a store failed, and has said so */
        say(buffer_string(&door), r == -EACCES ? "the gate let a stranger in; the hub does not start" : error_text(r));
    else if (r == 0 && (r = porter_open(&c->loop, listen, PORT_WAIT_MS, buffer_string(&door) + 6, &porter_rooms_nodes, &c->porter)) != 0)
        say(listen, error_text(r));
    buffer_close(&door);
    return r == 0 ? EXIT_GOOD : c->exit != EXIT_GOOD ? c->exit : EXIT_FULL;
}

static uint64_t oldest_ms(void *owner) {
    const struct city *c = owner;
    return hub_engine_oldest_ms(c->engine);
}

static void run_loop(struct city *c) {
    const char *sockets = settings_text(c->settings, "socket");
    service_watch(&c->service, oldest_ms, c);
    city_catalogue_load(c);
    while (!c->catalogue_known && !c->service.stopping && c->exit == EXIT_GOOD) /* nobody is enrolled without it */
        uv_run(&c->loop, UV_RUN_ONCE);
    if (c->service.stopping || c->exit != EXIT_GOOD)
        return;
    for (size_t i = 0; i < COMMANDS; i++) {
        c->table[i] = commands[i];
        if (is_order(&commands[i]))
            c->table[i].run = commands[i].run == self_job_cancel ? cmd_job_stop : cmd_administer;
    }
    int r = control_open(&c->loop, sockets, c->table, COMMANDS, c, &c->control);
    if (r != 0) {
        say(sockets, control_outcome_text(r));
        c->exit = EXIT_FULL;
        return;
    }
    if (c->rekey == REKEY_DUE)
        rekey_open(c);
    enrol_open(c);
    accounts_open(c);
    trend_open(c);
    page_open(c);
    erase_open(c);
    areas_open(c);
    standing_open(c);
    retention_open(c);
    watch_open(c);
    metrics_open(&c->metrics, &c->loop, settings_text(c->settings, "metrics"), city_metrics, c);
    uv_timer_start(&c->daily, on_daily, DAY_LOOK_MS, DAY_LOOK_MS);
    log_fact(LOG_INFO, "hub.started", FACT_TEXT("endpoint", porter_endpoint(c->porter)));
    service_ready(&c->service, porter_endpoint(c->porter));
    uv_run(&c->loop, UV_RUN_DEFAULT);
    while (c->rekey_asks != NULL && !c->service.stopping && c->exit == EXIT_GOOD) {
        rekey_open(c);
        uv_run(&c->loop, UV_RUN_DEFAULT);
    }
}

static int load_root(struct city *c) {
    struct buffer path = {0};
    struct policy_root root;
    path_of(c, "policy.root", &path);
    int r = file_read(buffer_string(&path), 4096, &c->policy_root);
    struct hash h = hash_of(buffer_bytes(&c->policy_root));
    if (r == 0 && (!policy_root_parse(buffer_bytes(&c->policy_root), &root) || !hash_equal(&h, &c->who.policy_root)))
        r = -EBADMSG;
    if (r != 0)
        say(buffer_string(&path), r == -EBADMSG ? "damaged, or another city's; put back its copy" : strerror(-r));
    buffer_close(&path);
    return r;
}

static int run(struct city *c) {
    self_open(&c->self, c->settings);
    if (load_keys(c, "keys", &c->keys) != 0 || load_keys(c, "policy.keys", &c->policy_keys) != 0 || load_city(c) != 0 ||
        load_root(c) != 0 || rekey_load(c) != 0)
        return EXIT_FULL;
    if (open_seal(c) != EXIT_GOOD)
        return EXIT_STORE;
    service_seal_beside(&c->sealing);
    c->table = memory_zeroed(COMMANDS, sizeof *c->table);
    uv_loop_init(&c->loop);
    uv_timer_init(&c->loop, &c->daily);
    c->daily.data = c;
    service_start(&c->service, &c->loop);
    c->started = clock_wall();
    backups_open(c);
    int r = open_engine(c); /* runs the loop already: the store may have failed meanwhile, or somebody may want us to stop */
    c->exit = c->exit == EXIT_GOOD ? r : c->exit;
    if (c->exit == EXIT_GOOD && !c->service.stopping)
        run_loop(c);
    metrics_close(&c->metrics);
    rekey_stop(c);
    page_stop(c);
    control_stop(c->control);
    jobs_stop(c->self.jobs);
    service_watch(&c->service, NULL, NULL);
    uv_close((uv_handle_t *)&c->daily, NULL);
    enrol_stop(c);
    backups_stop(c);
    accounts_stop(c);
    trend_close(c);
    c->porter = porter_close(c->porter);
    c->next_porter = porter_close(c->next_porter);
    c->engine = hub_engine_close(c->engine);
    backups_close(c);
    enrol_close(c);
    page_close(c);
    accounts_close(c);
    erase_close(c);
    areas_close(c);
    standing_close(c);
    retention_close(c);
    watch_close(c);
    c->control = control_close(c->control);
    service_stop(&c->service);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    uv_loop_close(&c->loop);
    free(c->table);
    catalogue_close(&c->catalogue);
    buffer_close(&c->documents);
    arena_close(&c->arena);
    log_fact(LOG_INFO, "hub.stopped", FACT_INT("exit", c->exit));
    return c->exit;
}

int main(int argc, char **argv) {
    struct city *city = memory_zeroed(1, sizeof *city);
    struct service_options options;
    service_no_dumps();
    if (argc > 1 && strcmp(argv[1], PORTER_ARGUMENT) == 0) {
        free(city);
        return porter_main(argc, argv);
    }
    int r = service_arguments(argc, argv, "anju-hub", false, &options);
    if (r < 0 && options.show_commands) {
        control_show(commands, COMMANDS);
        r = EXIT_GOOD;
    }
    if (r < 0)
        r = service_settings(&options, settings, sizeof settings / sizeof *settings, &city->settings);
    struct restore_options from = {.folder = options.restore, .key = options.backup_key, .own = options.own, .check = options.check};
    if (r < 0)
        r = options.init          ? init(city)
            : from.folder != NULL ? hub_restore(city->settings, &from)
            : options.rolled_back ? hub_rolled_back(city->settings)
                                  : run(city);
    keys_forget(&city->keys);
    keys_forget(&city->next);
    keys_forget(&city->policy_keys);
    buffer_close(&city->policy_root);
    sealing_close(&city->sealing);
    self_close(&city->self);
    settings_free(city->settings);
    free(city);
    return r;
}
