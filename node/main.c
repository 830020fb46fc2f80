/* anju-node: the daemon of one community office. Its life: settings, keys, store, enrolment, engine, status socket, loop, ordered stop. */
#include "common/base/endpoint.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/store/layout.h"
#include "node/office.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct setting settings[] = {
    {"data", SETTING_TEXT, "/var/lib/anju/node", 0, 0, "folder of the store and the keys"},
    {"socket", SETTING_TEXT, "/run/anju/node", 0, 0, "folder of status.sock and admin.sock"},
    {"backup_key", SETTING_TEXT, "", 0, 0,
     "file of the key that backups are encrypted with, made when missing; keep a copy away from them; empty: backup.key in the data "
     "folder"},
    SEALING_SETTING,
    {"backups_kept", SETTING_NUMBER, "2", 1, 1000, "backups of this node in one folder; older ones are deleted after a new one"},
    {"metrics", SETTING_ENDPOINT, "tcp://127.0.0.1:7492", 0, 1,
     "where Prometheus asks; there is no login, so keep it on this machine; port * takes a free one; empty: nowhere"},
    {"log_level", SETTING_CHOICE, "info debug warning error", 0, 0, "debug, info, warning or error"},
    {"log_form", SETTING_CHOICE, "plain journal json", 0, 0, "plain, journal or json, on standard error"},
};

static const struct command commands[] = {
    {"status", CONTROL_STATUS, cmd_status, "", "lang=", "", "how this office's node is doing; -x: exits 0, 1, 2 as `check` does",
     "本办公室节点的状态"},
    {"problems", CONTROL_STATUS, cmd_problems, "", "all lang= max-lag= max-offline= disk=", "severity code where node text next",
     "what is wrong now and what to do; --all: everything that can be", "当前问题与处理办法"},
    {"check", CONTROL_STATUS, cmd_check, "", "lang= max-lag= max-offline= disk=", "",
     "one line for a monitor (exit 0, 1, 2, 3): --max-lag S, --disk MIB, -f nagios|prometheus|json", "供监控系统检查"},
    {"metrics", CONTROL_STATUS, cmd_metrics, "", "", "", "numbers in the text form of Prometheus", "Prometheus格式的指标"},
    {"enrol", CONTROL_ADMIN, cmd_enrol, "token", "", "", "become an office's node: TOKEN@HOST:PORT, with a token of city hall",
     "用市级令牌登记本机"},
    {"types", CONTROL_STATUS, cmd_types, "", "", "type class name name_zh kind rule states", "record types, their fields, and the purposes",
     "记录类型、字段和用途"},
    {"policies", CONTROL_STATUS, cmd_policies, "", "", "kind name scope version from to state fault",
     "policies that this office took up, and what it refused", "已收到的政策"},
    {"rules", CONTROL_STATUS, cmd_rules, "policy?", "lang=", "kind name version scope since was state speaks line text",
     "rules in force here today and what they speak about; KIND/NAME: what changed", "今日在本站生效的规定"},
    {"services", CONTROL_STATUS, cmd_services, "", "lang=", "code name type_name authority papers", "what is offered here today",
     "今日办理事项"},
    {"checklist", CONTROL_STATUS, cmd_checklist, "service", "have= lang=", "set paper name valid_days pledge state",
     "which papers a service takes; --have KIND[:DAY][:pledge],… says what is missing", "事项所需材料"},
    {"notices", CONTROL_STATUS, cmd_notices, "", "lang=", "name title body audience to", "what hangs on the board here today", "今日通知"},
    {"admission", CONTROL_STATUS, cmd_admission, "school? grade?", "lang=", "school name grade seats state opens closes days_left ranking",
     "schools: when their form is open, and by what places are given", "入学申请时间"},
    {"codes", CONTROL_STATUS, cmd_codes, "list", "all lang=", "code name state replaced_by",
     "codes that are offered today; --all: retired ones too", "今日可用代码"},
    {"tasks", CONTROL_ADMIN, cmd_tasks, "", "type= soon lang=", "due level days_left type_name state id escalate_to",
     "open cases with a day on which they are due; --soon: amber and overdue ones", "待办与时限"},
    {"points", CONTROL_ADMIN, cmd_points, "person", "actor= purpose= case= lang=", "", "one person's points, explained: Person/ID",
     "积分及说明"},
    {"digest", CONTROL_STATUS, cmd_digest, "", "", "area digest", "digests of the areas held", "各区域摘要"},
    {"wait", CONTROL_STATUS, cmd_wait, "", "acked safe caught-up timeout=", "",
     "wait until all is accepted, is in a backup of the hub, or is the same as at the hub", "等待同步完成"},
    {"queue", CONTROL_ADMIN, cmd_queue, "", "", "seq type id state saved_ms", "changes that are not merged yet", "待合并的更改"},
    {"held", CONTROL_ADMIN, cmd_held, "", "", "seq type id reason", "changes that the city did not take, or that this disk lost, and why",
     "被市级搁置或在本机损坏的更改"},
    SELF_COMMANDS,
    {"job begin", CONTROL_ADMIN, cmd_job_begin, "kind", "total= session", "",
     "for programs: an import begins, of so many rows; --session: it has failed when this session ends before it", "程序用：开始导入任务"},
    {"job tell", CONTROL_ADMIN, cmd_job_tell, "job", "done=", "", "for programs: how far it is; says whether it shall stop",
     "程序用：报告进度"},
    {"job end", CONTROL_ADMIN, cmd_job_end, "job", "done= why=", "", "for programs: it has ended", "程序用：结束任务"},
    {"backup", CONTROL_ADMIN, cmd_backup, "dir", "timeout= no-wait", "", "make an encrypted, verified backup in DIR/<time>", "备份"},
    {"verify", CONTROL_ADMIN, cmd_verify_store, "", "timeout= no-wait", "", "check the whole store against itself", "检查存储"},
    {"put", CONTROL_ADMIN, cmd_put, "type words*", "actor= purpose= case= create reason= lang=", "", "save a record: [ID] FIELD=VALUE…",
     "保存记录"},
    {"edit", CONTROL_ADMIN, cmd_edit_many, "", "actor= purpose= case= exists=", "type id created seq state",
     "save several records, all or none (JSON only)", "批量保存"},
    {"delete", CONTROL_ADMIN, cmd_delete, "type id", "actor= purpose= case=", "", "remove a record made by mistake", "删除误录的记录"},
    {"adopt", CONTROL_ADMIN, cmd_adopt, "type id", "actor= purpose= case= reason=", "", "take up a record of another office",
     "接收其他办公室的记录"},
    {"get", CONTROL_ADMIN, cmd_get, "type id", "actor= purpose= case= print lang=", "", "one record; --print: it goes onto paper",
     "查看一条记录"},
    {"find", CONTROL_ADMIN, cmd_find, "type query", "actor= purpose= case= lang=", "type id key home fields unresolved",
     "records with this exact value: FIELD=VALUE", "按准确值查找"},
    {"history", CONTROL_ADMIN, cmd_history, "type id", "actor= purpose= case= lang=",
     "seq state version_ms node purpose actor fields values", "who changed a record, when, what for", "记录的更改历史"},
    {"why", CONTROL_ADMIN, cmd_why, "record", "lang=", "step state at_ms seq words",
     "where a record is, as far as this office knows: TYPE/ID or ID", "记录在哪里、为何还没到"},
    {"conflicts", CONTROL_ADMIN, cmd_conflicts, "", "actor= purpose= case= type= lang=", "type id key concurrent sides",
     "records with values to decide between or put aside, and with moves that did not count", "有并发值或未生效办理步骤的记录"},
    {"conflict show", CONTROL_ADMIN, cmd_conflict_show, "type id", "actor= purpose= case= lang=", "field value node at_ms side",
     "one record's values to decide between, side by side", "并排查看一条记录的并发值"},
    {"conflict resolve", CONTROL_ADMIN, cmd_conflict_resolve, "type id field side", "actor= purpose= case= lang=", "",
     "this side's value counts, as `conflict show` names it; another value altogether: `put`", "以某一方的值为准"},
    {"export", CONTROL_ADMIN, cmd_export, "", "actor= purpose= case= type= raw hashes names lang=",
     "type id key home fields unresolved raw hash", "all records; --raw: the replicated state; --hashes: only to compare by", "导出"},
    {"export unsent", CONTROL_ADMIN, cmd_export_unsent, "", "actor= purpose= case= part= out=", "",
     "what the city has not got, signed, for `anjuctl node triage` there; --out FILE", "导出未上传的更改"},
    {"key rotate", CONTROL_ADMIN, cmd_key_rotate, "", "", "",
     "make new keys for this machine and change to them; the hub takes the old ones for 7 days more", "更换本机密钥"},
    {"audit export", CONTROL_ADMIN, cmd_audit_export, "id?", "actor= purpose= case= type= from= to=",
     "n at_ms actor action purpose case type record change note", "this office's audit log: who did what, and what for", "导出审计日志"},
    {"audit person", CONTROL_ADMIN, cmd_audit_person, "person", "actor= purpose= case= lang=", "words",
     "who was shown what of this person, in words: TYPE/ID", "谁看过此人的记录"},
    {"audit verify", CONTROL_ADMIN, cmd_audit_verify, "", "", "",
     "compute the log's chain again and compare it with every head that is kept", "校验审计日志"},
    {"audit heads", CONTROL_ADMIN, cmd_audit_heads, "", "", "whose keeper n heard_ms broken now", "heads of audit logs that are kept",
     "审计日志摘要"},
    {"audit settle", CONTROL_ADMIN, cmd_audit_settle, "", "", "", "a person has looked: tell a broken audit log no more", "确认审计异常"},
    {"pause", CONTROL_ADMIN, cmd_pause, "", "", "", "close the link and keep it closed", "暂停连接"},
    {"resume", CONTROL_ADMIN, cmd_resume, "", "", "", "open the link again", "恢复连接"},
    {"schema", CONTROL_STATUS, cmd_schema, "command?", "", "command field unit text", "what the fields of every answer mean",
     "各命令返回字段的含义"},
};

enum { COMMANDS = sizeof commands / sizeof *commands, DAY_LOOK_MS = 5000 };

void office_fatal(void *owner, int result) {
    struct office *o = owner;
    log_fact(
        LOG_ERROR, "store.failed", FACT_TEXT("why", error_text(result)), FACT_TEXT("do", "look at the disk, restart, run anjuctl verify"));
    o->exit = EXIT_STORE;
    uv_stop(&o->loop);
}

static void on_note(void *owner) {
    office_policies(owner);
}

static int say_store(const char *folder, int r) {
    fprintf(stderr, "anju-node: the store in %s: %s\n", folder, r > 0 ? store_open_hint(r) : error_text(r));
    return EXIT_STORE;
}

static void path_of(const struct office *o, const char *name, struct buffer *out) {
    buffer_format(out, "%s/%s", settings_text(o->settings, "data"), name);
}

static int make_folder(const char *path) {
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

/* A key is made only where nothing is sealed yet. */
static int open_seal(struct office *o) {
    struct buffer path = {0};
    struct stat st;
    path_of(o, "store/data.mdb", &path);
    bool begun = stat(buffer_string(&path), &st) == 0;
    buffer_close(&path);
    return service_seal("anju-node", o->settings, settings_text(o->settings, "data"), !begun, &o->sealing);
}

static int init(struct office *o) {
    struct buffer path = {0};
    char text[PUBLIC_TEXT];
    const char *folder = settings_text(o->settings, "data");
    path_of(o, "keys", &path);
    int r = make_folder(folder);
    if (r == 0)
        r = keys_make(buffer_string(&path), &o->keys);
    if (r == KEYS_EXIST && keys_load(buffer_string(&path), &o->keys) == 0)
        r = 0;
    if (r == 0 && open_seal(o) == EXIT_GOOD)
        printf("%s\n", public_text(&o->keys.public, text));
    else if (r == 0)
        r = KEYS_MISSING;
    else
        fprintf(stderr, "anju-node: %s: %s\n", buffer_string(&path), keys_outcome_text(r));
    buffer_close(&path);
    return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}

static int open_store(struct office *o, struct store **out) {
    struct buffer path = {0};
    path_of(o, "store", &path);
    int r = make_folder(settings_text(o->settings, "data"));
    if (r == 0 && open_seal(o) != EXIT_GOOD) {
        buffer_close(&path);
        return EXIT_STORE;
    }
    if (r == 0)
        r = store_open_lmdb(buffer_string(&path), &shape_node, o->sealing.seal, 0, out);
    if (r != 0)
        say_store(buffer_string(&path), r);
    buffer_close(&path);
    return r;
}

const char *office_useless(const struct enrolment *e) {
    char endpoint[ENDPOINT_MAX];
    struct public_keys hub;
    if (e->node == 0)
        return "it names no node";
    if (!public_parse(e->hub_public, &hub))
        return "the hub's public string in it is damaged";
    if (e->endpoint.len >= sizeof endpoint)
        return "the hub's address in it is too long";
    memcpy(endpoint, e->endpoint.at, e->endpoint.len);
    endpoint[e->endpoint.len] = '\0';
    if (strlen(endpoint) != e->endpoint.len || !endpoint_good(endpoint, false))
        return "the hub's address in it is none that can be reached: tcp://host:port belongs there (`advertise` at the hub)";
    return NULL;
}

static int join(struct office *o, const char *path, bool anew) {
    struct buffer file = {0};
    struct store *store = NULL;
    struct arena a = {0};
    struct enrolment *was = memory_zeroed(1, sizeof *was);
    int exit = EXIT_STORE;
    int r = file_read(path, LIMIT_DECODE_BYTES, &file);
    if (r != 0) {
        fprintf(stderr, "anju-node: %s: %s\n", path, strerror(-r));
        exit = EXIT_FAILED;
    } else if (open_store(o, &store) == 0) {
        struct enrolment *now = memory_zeroed(1, sizeof *now);
        r = wire_enrolment_unpack(buffer_bytes(&file), &a, now) == 0 ? 0 : NODE_ENROLMENT_BROKEN;
        const char *why = r == 0 ? office_useless(now) : NULL;
        bool other = r == 0 && node_engine_enrolment(store, &a, was) == 0 && was->node != now->node;
        if (why != NULL) {
            fprintf(stderr, "anju-node: %s: %s; nothing was stored. Make it again: anjuctl node add … --out FILE\n", path, why);
            exit = EXIT_FAILED;
        } else if (other && !(anew && id_equal(&was->city, &now->city))) {
            fprintf(
                stderr, "anju-node: this store belongs to node %u%s; node %u needs a folder of its own, or, for a cloned disk, --anew\n",
                was->node, id_equal(&was->city, &now->city) ? "" : " of another city", now->node);
            exit = EXIT_FAILED;
        } else if (
            r == 0 &&
            (r = other ? node_engine_enrol_anew(store, buffer_bytes(&file)) : node_engine_enrol(store, buffer_bytes(&file))) == 0) {
            printf("this is node %u, %.*s\n", now->node, (int)now->name.len, (const char *)now->name.at);
            exit = EXIT_GOOD;
        } else if (r == NODE_ENROLMENT_BROKEN) {
            fprintf(stderr, "anju-node: %s is no enrolment file, or damaged; make it again: anjuctl node add … --out FILE\n", path);
            exit = EXIT_FAILED;
        } else {
            exit = say_store(settings_text(o->settings, "data"), r);
        }
        free(now);
    }
    free(was);
    arena_close(&a);
    store_close(store);
    buffer_close(&file);
    return exit;
}

/* A document that cannot be used leaves its type out; the feed may bring a better one, so the office works. */
static void first_catalogue(struct office *o) {
    struct complaints c = {.count = 0};
    const struct enrolment *who = node_engine_who(o->engine);
    o->catalogue = memory_zeroed(1, sizeof *o->catalogue);
    o->catalogue->hash = hash_of(who->catalogue);
    if (!catalogue_add_all(&o->catalogue->catalogue, who->catalogue, &c))
        log_fact(LOG_ERROR, "catalogue.broken", FACT_TEXT("why", buffer_string(&c.text)));
    subject_fields(&o->catalogue->catalogue, &o->catalogue->subjects);
    complaints_close(&c);
}

/* ---- running */

/* A machine that is not enrolled makes its keys now, as --init does. One that is enrolled and lost them is no node any more: that is said.
 */
static int load_keys(struct office *o, bool make) {
    struct buffer path = {0};
    path_of(o, "keys", &path);
    int r = keys_load(buffer_string(&path), &o->keys);
    if (r == KEYS_MISSING && make)
        r = keys_make(buffer_string(&path), &o->keys);
    if (r != 0)
        fprintf(stderr, "anju-node: %s: %s\n", buffer_string(&path), keys_outcome_text(r));
    buffer_close(&path);
    return r;
}

static bool not_enrolled(const struct office *o) {
    struct arena a = {0};
    struct enrolment *who = memory_zeroed(1, sizeof *who);
    int r = node_engine_enrolment(o->store, &a, who);
    free(who);
    arena_close(&a);
    return r == NODE_NOT_ENROLLED;
}

static int say_enrolment(int r) {
    if (r == NODE_ENROLMENT_BROKEN)
        fprintf(stderr, "anju-node: the enrolment in the store is damaged; --join the enrolment file again\n");
    else
        fprintf(stderr, "anju-node: the store cannot be read: %s\n", error_text(r));
    return r > 0 ? EXIT_FULL : EXIT_STORE;
}

/* Orders to the daemon are noted before they are carried out. The rest reads nothing personal, or notes itself with what it shows. */
static bool is_order(const struct command *c) {
    static void (*const none[])(void *owner, struct request *q) = {
        self_events,       cmd_job_begin, cmd_job_tell,  cmd_job_end,      cmd_queue,         cmd_held,
        cmd_verify_store,  cmd_put,       cmd_edit_many, cmd_delete,       cmd_adopt,         cmd_get,
        cmd_export_unsent, cmd_find,      cmd_history,   cmd_conflicts,    cmd_conflict_show, cmd_conflict_resolve,
        cmd_export,        cmd_tasks,     cmd_points,    cmd_audit_export, cmd_audit_person,  cmd_audit_verify,
        cmd_audit_heads};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (c->run == none[i])
            return false;
    return c->level == CONTROL_ADMIN;
}

static void note_orders(struct office *o) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (is_order(&commands[i]))
            o->table[i].run = commands[i].run == self_job_cancel ? cmd_job_stop : cmd_administer;
}

void office_ordered(struct office *o, struct request *q) {
    const char *name = request_command(q)->name;
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            commands[i].run(o, q);
}

bool office_open(struct office *o) {
    struct node_engine_calls calls = {office_fatal, on_note, office_rekeyed, o, {self_compaction_began, self_compaction_ended, o}};
    int r = node_engine_open(&o->loop, o->store, settings_text(o->settings, "data"), &o->keys, &calls, &o->engine);
    if (r != 0) {
        o->exit = say_enrolment(r);
        uv_stop(&o->loop);
        return false;
    }
    o->store = NULL;
    if (o->rekeying)
        node_engine_rekey(o->engine, &o->next);
    memcpy(o->table, commands, sizeof commands);
    note_orders(o);
    first_catalogue(o);
    backups_open(o);
    return true;
}

static uint64_t oldest_ms(void *owner) {
    const struct office *o = owner;
    return node_engine_oldest_ms(o->engine);
}

static void on_daily(uv_timer_t *t) {
    office_policies(t->data);
}

void office_begin(struct office *o) {
    office_policies(o);
    uv_timer_start(&o->daily, on_daily, DAY_LOOK_MS, DAY_LOOK_MS);
    node_engine_resume(o->engine);
    service_watch(&o->service, oldest_ms, o);
    log_fact(LOG_INFO, "node.started", FACT_UINT("node", node_engine_who(o->engine)->node));
    service_ready(&o->service, "running");
}

static void wait_for_enrolment(struct office *o) {
    log_fact(LOG_WARNING, "node.not_enrolled", FACT_TEXT("do", "anjuctl enrol TOKEN@HOST:PORT, with a token of city hall"));
    service_ready(&o->service, "not enrolled");
}

/* Until it is enrolled a machine answers with little, and with why. */
static void fill_table(struct office *o) {
    static void (*const these[])(void *owner, struct request *q) = {cmd_status,       cmd_problems,     cmd_check,   cmd_metrics,
                                                                    cmd_enrol,        cmd_schema,       self_events, self_log_level,
                                                                    self_config_show, self_config_check};
    o->table = memory_zeroed(COMMANDS, sizeof *o->table);
    for (size_t i = 0; i < COMMANDS; i++) {
        void (*run)(void *owner, struct request *q) = commands[i].run;
        o->table[i] = commands[i];
        bool now = false;
        for (size_t k = 0; k < sizeof these / sizeof *these; k++)
            now = now || run == these[k];
        if (!now)
            o->table[i].run = cmd_not_enrolled;
    }
}

static void serve(struct office *o) {
    int r = control_open(&o->loop, settings_text(o->settings, "socket"), o->table, COMMANDS, o, &o->control);
    if (r != 0) {
        fprintf(stderr, "anju-node: %s: %s\n", settings_text(o->settings, "socket"), control_outcome_text(r));
        o->exit = EXIT_FULL;
        return;
    }
    metrics_open(&o->metrics, &o->loop, settings_text(o->settings, "metrics"), office_metrics, o);
    if (o->engine != NULL)
        office_begin(o);
    else
        wait_for_enrolment(o);
    uv_run(&o->loop, UV_RUN_DEFAULT);
}

static int run(struct office *o) {
    self_open(&o->self, o->settings);
    if (open_store(o, &o->store) != 0)
        return EXIT_STORE;
    service_seal_beside(&o->sealing);
    bool bare = not_enrolled(o);
    if (load_keys(o, bare) != 0 || office_next_keys(o) != 0) {
        o->store = store_close(o->store);
        return EXIT_STORE;
    }
    uv_loop_init(&o->loop);
    service_start(&o->service, &o->loop);
    uv_timer_init(&o->loop, &o->waiting);
    o->waiting.data = o;
    uv_timer_init(&o->loop, &o->daily);
    o->daily.data = o;
    o->exit = EXIT_GOOD;
    fill_table(o);
    if (bare || office_open(o))
        serve(o);
    office_waits_end(o);
    office_enrol_end(o, "the daemon is stopping");
    uv_close((uv_handle_t *)&o->waiting, NULL);
    uv_close((uv_handle_t *)&o->daily, NULL);
    metrics_close(&o->metrics);
    control_stop(o->control);
    jobs_stop(o->self.jobs);
    service_watch(&o->service, NULL, NULL);
    backups_stop(o);
    o->engine = node_engine_close(o->engine);
    backups_close(o);
    o->store = store_close(o->store);
    o->control = control_close(o->control);
    service_stop(&o->service);
    uv_run(&o->loop, UV_RUN_DEFAULT);
    uv_loop_close(&o->loop);
    free(o->table);
    while (o->catalogue != NULL) {
        struct catalogue_version *older = o->catalogue->older;
        catalogue_close(&o->catalogue->catalogue);
        rules_close(&o->catalogue->rules);
        buffer_close(&o->catalogue->subjects);
        free(o->catalogue);
        o->catalogue = older;
    }
    log_fact(LOG_INFO, "node.stopped", FACT_INT("exit", o->exit));
    return o->exit;
}

int main(int argc, char **argv) {
    struct office office = {.exit = 0};
    struct service_options options;
    service_no_dumps();
    int r = service_arguments(argc, argv, "anju-node", true, &options);
    if (r < 0 && options.show_commands) {
        control_show(commands, COMMANDS);
        r = EXIT_GOOD;
    }
    if (r < 0)
        r = service_settings(&options, settings, sizeof settings / sizeof *settings, &office.settings);
    if (r < 0)
        r = options.init              ? init(&office)
            : options.restore != NULL ? node_restore(&office, options.restore, options.backup_key, options.check)
            : options.join != NULL    ? join(&office, options.join, options.anew)
                                      : run(&office);
    keys_forget(&office.keys);
    keys_forget(&office.next);
    self_close(&office.self);
    sealing_close(&office.sealing);
    settings_free(office.settings);
    return r;
}
