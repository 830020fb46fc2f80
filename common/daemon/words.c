#include "common/daemon/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct word {
    const char *en, *zh;
};

/* By the file that says it first; said in several files it stands here once. The terms are those of problems.h and of the commands'
 * summaries: 市级 is the hub and city hall, 办公室 an office, 本站 this office. Before the reason, "Type.field: " stays as it is: a program
 * may look for it, as anjuctl's import does. */
static const struct word table[] = {
    /* common/catalogue/policy.c */
    {"taken up", "已采用"},
    {"not signed by as many of this city's policy keys as its root asks for", "本市政策密钥的签名数未达到根密钥要求"},
    {"its scope is no area, not where its record lies, or not above this office", "适用范围不是区划、与记录所在不符，或不是本办公室的上级"},
    {"it ends before it begins, or supersedes what is not before it", "结束早于开始，或取代的不是更早的版本"},
    {"its text is not the one that was signed, or no document of its kind", "内容与签名时不同，或不是该种类的文件"},
    {"this version was taken up with another text before; the one that was first stays", "此版本已按另一内容采用，以先到的为准"},
    {"a later version is in force already", "更新的版本已经生效"},
    {"its days overlap with those of another version that it does not supersede", "日期与另一个未被其取代的版本重叠"},
    {"parts of its text are still to come", "内容尚未收全"},

    /* common/daemon/anjuctl.c */
    {"\nCommands of the daemon at %s:\n", "\n%s守护进程的命令：\n"},
    {"no command '%s'%s; `anjuctl help` lists them", "没有命令“%s”%s；`anjuctl help`列出全部命令"},
    {"no command '%s'; did you mean '%s'? `anjuctl help` lists them", "没有命令“%s”；是不是“%s”？`anjuctl help`列出全部命令"},
    {"%s: a policy has at most 1 MiB; make several of it, each with a name of its own",
     "%s：政策文件最大1 MiB；请拆成几个，各用自己的名称"},
    {"%s:%zu:1: this is no UTF-8 text; save the file as UTF-8", "%s:%zu:1：不是UTF-8文本；请另存为UTF-8"},
    {"%s has no option --%s; it has: %s", "%s没有选项--%s；可用的有：%s"},
    {"a password does not belong into a command line: it is asked for, or one line of standard input",
     "密码不能写在命令行里：会提示输入，或从标准输入读一行"},
    {"--%s needs a value", "--%s需要一个值"},
    {"%s: '%s' has no place; arguments: %s", "%s：“%s”多余；参数为：%s"},
    {"%s: %s is missing; arguments: %s", "%s：缺少参数%s；参数为：%s"},
    {"%s: its file holds secrets and is not shown; --out FILE says where it goes", "%s：文件含密钥，不显示；请用--out 文件 指定保存位置"},
    {"%s: %s; nothing was asked for", "%s：%s；没有发出请求"},
    {"%s: %s; it was done, and `anjuctl node enrolment %lld --out FILE` gives the file again",
     "%s：%s；命令已执行，`anjuctl node enrolment %lld --out 文件`可重新取得该文件"},
    {"This cannot be undone. Type the id once more to confirm: ", "此操作不可撤销。请再输入一次记录号以确认："},
    {"Password: ", "密码："},
    {"\nOnce more: ", "\n再输一次："},
    {"the two are not the same", "两次输入不一致"},
    {"the password is one line of standard input, and there is none", "密码应是标准输入的一行，但没有读到"},
    {"the password is not valid UTF-8", "密码不是有效的UTF-8"},
    {"a line of a batch is {\"cmd\":…,\"args\":{…}}: %s", "批处理每行应为{\"cmd\":…,\"args\":{…}}：%s"},
    {"completion bash: what the shell is to know", "用法：anjuctl completion bash，输出命令补全脚本"},
    {"'%s%s%s' is not understood", "看不懂“%s%s%s”"},

    /* common/daemon/check.c */
    {"look whether it runs", "请检查是否在运行"},
    {"the daemon cannot be asked", "无法查询守护进程"},
    {"the question was refused", "查询被拒绝"},

    /* common/daemon/client.c */
    {"%s: %s; ask to be added to the daemon's group", "%s：%s；请管理员把您加入守护进程的用户组"},
    {"%s: %s; is the daemon running? -s names its socket folder", "%s：%s；守护进程在运行吗？用-s指定其套接字目录"},
    {"the daemon closed the session; look into its log", "守护进程关闭了会话；请查看其日志"},
    {"the arguments are not valid UTF-8", "参数不是有效的UTF-8"},
    {"the daemon's answer cannot be read: %s", "守护进程的回答无法解析：%s"},
    {"no answer within %u s; -t SECONDS waits longer", "%u秒内没有回答；用-t 秒数 可多等一会"},

    /* common/daemon/config.c */
    {"name the file from / on: the daemon reads it", "请写以/开头的完整路径：文件由守护进程读取"},
    {"correct the file; the daemon runs on as it is", "请修正文件；守护进程照原配置继续运行"},

    /* common/daemon/control.c */
    {"ask again when it runs", "请在其运行后再试"},
    {"the daemon is stopping", "守护进程正在停止"},
    {"`commands` lists what there is", "`commands`列出全部命令"},
    {"no command '%s' here", "这里没有命令“%s”"},
    {"this socket may only read the state of the daemon", "此套接字只能查看守护进程的状态"},
    {"use admin.sock", "请使用admin.sock"},
    {"nothing is watched under this id in this session", "本会话没有用此编号观察任何内容"},
    {"\"watch\" is a number of seconds, from 0.2 to 3600", "\"watch\"是秒数，从0.2到3600"},
    {"a watch needs an \"id\"", "watch需要带\"id\""},
    {"only what status.sock answers can be watched", "只有status.sock能回答的命令才能持续观察"},
    {"too many watches in one session: cancel some", "一个会话的观察过多：请先取消一些"},
    {"%s: '%s' has no place; arguments:", "%s：“%s”多余；参数为："},
    {"another daemon answers in this folder; stop it, or give this one its own: --set socket=FOLDER",
     "另一个守护进程已在使用此目录；请停止它，或另设目录：--set socket=目录"},

    /* common/daemon/events.c */
    {"--%s is a number", "--%s应是数字"},
    {"'%.40s' is no level", "“%.40s”不是日志级别"},
    {"debug, info, warning or error", "debug、info、warning或error"},

    /* common/daemon/import.c */
    {"'%s' is not understood here", "这里看不懂“%s”"},
    {"%s: column '%s' is there twice; nothing was imported", "%s：列“%s”出现两次；没有导入任何数据"},
    {"%s: column '%s' is not in the mapping; nothing was imported. --ignore %s leaves it out",
     "%s：列“%s”不在映射中；没有导入任何数据。--ignore %s可略过该列"},
    {"%s: there is no column '%s', which the records are called by", "%s：没有列“%s”，而记录以它为编号"},
    {"anjuctl: import TABLE FILE.csv --map FILE --actor LOGIN [--purpose NAME] [--ignore COLUMN]… [--update]\n  a row whose record is "
     "there already, with other values, is left as it is; --update writes what differs\n",
     "anjuctl: import 表 文件.csv --map 文件 --actor 登录名 [--purpose 用途] [--ignore 列]… [--update]\n  "
     "记录已存在且值不同的行保持原样；--update写入不同的值\n"},
    {"left out", "未导入"},
    {"kept, marked unverified", "已保存，标为未核实"},
    {"there already, left as it is", "已存在，保持原样"},
    {"column ", "列"},
    {"it differs in ", "不同之处："},
    {"it was deleted", "它已被删除"},
    {"the line has %zu fields, the header %zu", "该行有%zu个字段，表头有%zu个"},
    {"column %s is empty", "列%s为空"},
    {"column %s: '%s' is none of the values that the mapping knows", "列%s：映射中没有值“%s”"},
    {"column '%s' is not in the mapping", "列“%s”不在映射中"},
    {"%s: column %s is left out: this system does not store it\n", "%s：略去列%s：本系统不存储此项\n"},
    {"%s: %zu rows saved, %zu left out, %zu warnings, %zu there already, %zu unchanged\n",
     "%s：保存%zu行，未导入%zu行，警告%zu处，已存在%zu行，无变化%zu行\n"},
    {"%s: cancelled after %zu of %zu rows; run it again to go on, what is there stays\n",
     "%s：已取消，处理了%zu行，共%zu行；再次运行即继续，已导入的保留\n"},
    {"%s is for the table '%s', not '%s'", "%s用于表“%s”，不是“%s”"},
    {"anjuctl: replay --map FOLDER [--from TIME] [--until TIME] [--waiting FILE] [--late FILE] EDITS.csv=SOCKET…\n  edits after --from up "
     "to --until, of all offices in time order; what waits for a record that was taken up is kept in\n  the file --waiting and tried again "
     "the next time; lines that were applied later than they say go to --late\n",
     "anjuctl: replay --map 目录 [--from 时间] [--until 时间] [--waiting 文件] [--late 文件] EDITS.csv=套接字…\n  "
     "按时间顺序重放各办公室在--from之后、至--until为止的编辑；等待已接收记录的编辑存入--waiting\n  "
     "文件，下次再试；比所写时间晚执行的行写入--late\n"},

    /* common/daemon/jobs.c */
    {"`anjuctl jobs` lists what runs and what has run", "`anjuctl jobs`列出正在运行和已结束的任务"},
    {"there is no job with this number", "没有此编号的任务"},
    {"this job has ended already: %s", "此任务已结束：%s"},
    {"only an import tells how far it is", "只有导入任务才报告进度"},
    {"`anjuctl jobs` lists them; wait for one", "`anjuctl jobs`列出这些任务；请等其中一个结束"},
    {"too many imports are under way", "同时进行的导入过多"},
    {"no such import of yours is under way", "您没有这样一个正在进行的导入"},

    /* common/daemon/login.c */
    {"free space on the disk, then again", "请释放磁盘空间后重试"},
    {"the disk is full, or failed; nothing was changed", "磁盘已满或出错；没有作任何更改"},
    {"again in a moment", "请稍后再试"},
    {"the password could not be hashed: memory is short, or the daemon stops", "无法处理密码：内存不足，或守护进程正在停止"},
    {"another order was faster", "另一条命令先执行了"},
    {"the accounts are being read", "正在读取账号"},
    {"an account's name has 1 to 32 of a-z 0-9 . _ -", "账号名为1至32个字符：a-z 0-9 . _ -"},
    {"the password is missing", "缺少密码"},
    {"a password has %d to %d bytes", "密码长度为%d至%d字节"},
    {"three or four words that do not belong together are long enough", "三四个互不相关的词就足够长"},
    {"`anjuctl account passwd` gives it a new password", "`anjuctl account passwd`可重设其密码"},
    {"there is an account %s", "已有账号%s"},
    {"there is no account %s", "没有账号%s"},
    {"there are %d accounts", "账号已达%d个"},
    {"too many passwords wait to be hashed", "等待处理的密码过多"},

    /* common/daemon/problems.c */
    {"--%s is a number, not %s", "--%s应是数字，不能是%s"},
    {"seconds, for --disk MiB", "单位为秒；--disk的单位为MiB"},

    /* common/model/audit.c */
    {"goes on from what is kept of it", "与所存记录相接"},
    {"did not prove that it goes on from what is kept of it", "未能证明与所存记录相接"},
    {"was cut: it has fewer entries than it had", "被截短：条目比原来少"},
    {"was written anew: its entries are not those that it had", "被重写：条目与原来不同"},
    {"began a new life after a restore or damage: entries that it had are not in it", "在恢复或损坏后重新开始：原有的部分条目已不在其中"},

    /* common/model/change.c */
    {"the record type must be a number from 1 to 65535", "记录类型应是1至65535的数字"},
    {"a change without operations changes nothing", "没有操作的更改不改变任何内容"},
    {"too many operations in one change; split it", "一次更改的操作过多；请分几次"},
    {"a field number must be from 1 to 65535", "字段编号应是1至65535"},
    {"an operation must be SET, ADD or REMOVE", "操作应是SET、ADD或REMOVE"},
    {"a field value is too long", "字段值过长"},
    {"one operation replaces or removes too many values", "一个操作取代或移除的值过多"},
    {"ADD takes a value and replaces nothing", "ADD要有值，且不取代任何值"},
    {"REMOVE names what it removes and has no value", "REMOVE写明要移除什么，不带值"},
    {"one change holds at most one SET or ADD and one REMOVE of a field; use further changes",
     "一次更改对同一字段最多一个SET或ADD和一个REMOVE；其余请另作更改"},
    {"a change cannot replace itself", "更改不能取代自身"},

    /* common/model/message.c */
    {"merged", "已合并"},
    {"this office does not serve the record; take it up first", "本办公室不负责此记录，须先接收"},
    {"its time is ahead of the city's clock", "其时间超前于市级时钟"},
    {"a rule of the catalogue refuses it", "不符合目录规则"},
    {"the record would become too large", "记录会变得过大"},
    {"the hub cannot read it", "市级无法读取"},
    {"it claims another node's authorship", "冒用其他节点的名义"},
    {"discarded by an operator", "已由管理员丢弃"},
    {"the record is erased for ever, by an order of the city", "记录已按市级命令彻底删除"},
    {"it came in a file after its node was revoked or closed; a person decides", "其节点已吊销或关闭，由文件带来，须由人决定"},
    {"held for a reason this version does not know", "搁置原因为本版本所不识"},
    {"the hub is busy; trying again later", "市级繁忙；稍后再试"},
    {"this node's key was revoked", "本节点的密钥已吊销"},
    {"this node's software is too old for the hub; update it", "本节点的程序版本低于市级要求；请升级"},
    {"this node's software is too new for the hub; update the hub first", "本节点的程序版本高于市级；请先升级市级程序"},
    {"two machines use this node's disk; one of them must be enrolled anew", "两台机器使用本节点的磁盘；其中一台须重新登记"},
    {"this node's log is an older copy; it begins a new incarnation", "本节点的日志是旧副本；将重新开始编号"},
    {"the hub lacks changes that this node has forgotten; an operator must decide", "市级缺少本节点已不再保留的更改；须由管理员决定"},
    {"this node's clock is wrong", "本节点的时钟错误"},
    {"this node is paused by an operator", "本节点已被管理员暂停"},
    {"the hub's disk is full; trying again later", "市级磁盘已满；稍后再试"},
    {"the city has closed this office's node: it takes no more edits; what it holds can still be read",
     "市级已停用本办公室的节点：不再接受更改；已有数据仍可查看"},
    {"refused for a reason this version does not know", "因本版本不认识的原因被拒绝"},

    /* common/model/value.c */
    {"a date is written 2025-03-31, 2025-03 or 2025", "日期写作2025-03-31、2025-03或2025"},
    {"there is no such day", "没有这一天"},
    {"a whole number of at most 15 digits belongs here", "应是最多15位的整数"},
    {"an amount in yuan is written 12, 12.3 or 12.34", "金额（元）写作12、12.3或12.34"},
    {"this text is not valid UTF-8", "文本不是有效的UTF-8"},
    {"true or false belongs here", "应是true或false"},
    {"an area is written with 0, 2, 4, 6, 9 or 12 digits", "区划代码是0、2、4、6、9或12位数字"},
    {"a reference is the record's id: 32 hex digits", "引用应写记录号：32位十六进制数字"},
    {"a value of this kind cannot be typed", "这种值不能手工输入"},

    /* common/net/keys.c */
    {"there are keys already; they are never overwritten", "已有密钥；密钥不会被覆盖"},
    {"there is no key file; run with --init first", "没有密钥文件；请先运行--init"},
    {"the key file may be read by others; chmod 600 it, and replace the keys if anybody did",
     "密钥文件可被他人读取；请chmod 600，若已被读取请更换密钥"},
    {"the key file is damaged; put back its copy, or enrol this machine anew", "密钥文件已损坏；请恢复其副本，或重新登记本机"},

    /* common/net/node_door.c */
    {"the hub does not know this machine's key: enrol it (anjuctl node add), or it was revoked",
     "市级不认识本机的密钥：请登记（anjuctl node add），或该密钥已吊销"},
    {"the hub's gate has an internal error; city IT sees it in the hub's log", "市级接入检查内部出错；市信息部门可查看市级日志"},
    {"the hub cannot decide just now who may connect; it is tried again", "市级暂时无法判断谁可以接入；将自动重试"},
    {"nobody answers at the hub's address: is the hub running, is the line up? or did it change its key while this office was away: then "
     "city hall makes a new enrolment file (anjuctl node enrolment), for --join here",
     "市级地址无人应答：市级在运行吗？线路通吗？若市级在本办公室离线期间更换了密钥，请市级重新导出登记文件（anjuctl node "
     "enrolment），在此--join"},
    {"who answers at the hub's address does not speak our protocol, or has another key than this node was enrolled with; if the hub "
     "changed its key: a new enrolment file (anjuctl node enrolment at the hub), --join here",
     "市级地址的应答方不使用本协议，或密钥与登记时不同；若市级已更换密钥：请市级重新导出登记文件（anjuctl node enrolment），在此--join"},
    {"the connection broke", "连接中断"},
    {"the hub closed the connection during the handshake: another key than this node was enrolled with, or it is busy",
     "市级在握手时关闭了连接：密钥与本节点登记时不同，或市级繁忙"},
    {"the hub's address in the enrolment is no address that can be reached", "登记文件中的市级地址无法连接"},

    /* common/store/backup.c */
    {"there is no such key file: --backup-key FILE names the one that the backup was made with",
     "没有此密钥文件：请用--backup-key 文件 指定制作备份时的密钥"},
    {"the backup's key file may be read by others: chmod 600 it", "备份密钥文件可被他人读取：请chmod 600"},
    {"this is no key file of a backup, or it is damaged: take the copy that was put away",
     "这不是备份密钥文件，或已损坏：请使用另行保管的副本"},
    {"it was made with another key: --backup-key FILE names the right one", "备份用的是另一把密钥：请用--backup-key 文件 指定正确的密钥"},
    {"no backup lies there: name the folder DIR/<time> itself", "那里没有备份：请写到目录DIR/<时间>本身"},
    {"it was made by a newer version: install that one", "备份由更新的版本制作：请安装该版本"},
    {"it belongs to another daemon or another city", "备份属于另一个守护进程或另一个城市"},
    {"it is not what was written: damaged or tampered with; take another backup", "备份与写入时不符：已损坏或被改动；请用另一份备份"},
    {"the folder for the backups is not there: make it, or mount its disk", "备份目录不存在：请建立目录，或挂载其磁盘"},
    {"no permission to write there, or the disk is mounted read-only: the folder must belong to the daemon's user",
     "没有写入权限，或磁盘以只读方式挂载：目录应属于守护进程的用户"},
    {"a backup of this very moment is there: try again", "此刻的备份已存在：请重试"},
    {"no room: the disk of the backups, or the data folder's, where a copy of the largest store lies meanwhile, is full",
     "空间不足：备份磁盘已满，或数据目录所在磁盘已满（制作时需暂存最大的存储）"},
    {"it was cancelled, or the daemon is stopping; nothing was kept of it", "已取消，或守护进程正在停止；没有留下任何内容"},
    {"it was cancelled, or the daemon is stopping; what was done is done", "已取消，或守护进程正在停止；已完成的部分有效"},
    {"the store does not pass its own check, so this would be no backup: run `anjuctl verify`",
     "存储未通过自检，不能作为备份：请运行`anjuctl verify`"},
    {"the data folder is not empty: stop the daemon, move the old folder away and keep it, then name an empty one",
     "数据目录不是空的：请停止守护进程，移走并保留旧目录，再指定空目录"},

    /* common/store/node_log.c */
    {"the field has more concurrent values than one edit can replace", "该字段的并发值过多，一次更改不能全部取代"},
    {"the record, or the person it is about, was erased for ever by an order of the city", "此记录或其所属的人已按市级命令彻底删除"},
    {"the stored copy of this record is damaged; it is being fetched again from the hub", "本机存储的此记录已损坏；正在从市级重新获取"},
    {"the record is requested from its home office and has not come yet", "已向所属办公室请求此记录，尚未到达"},
    {"the edit is too large; split it", "更改过大；请分几次"},
    {"this node is not enrolled; ask the city for an enrolment file and run anju-node --join FILE",
     "本节点尚未登记；请向市级索取登记文件，运行anju-node --join 文件"},

    /* common/wire/wire_enrol.h */
    {"this machine is enrolled", "本机已登记"},
    {"city hall must approve this machine", "需要市级批准本机"},
    {"tell city hall the code; they compare it and approve", "请把代码告知市级，由其核对后批准"},
    {"the hub was asked too often, or heard too many wrong tokens in this minute", "一分钟内询问市级过于频繁，或错误令牌过多"},
    {"it is tried again by itself", "将自动重试"},
    {"it is tried again by itself; city IT looks at the hub's disk", "将自动重试；请市信息部门检查市级磁盘"},
    {"the hub cannot save just now", "市级暂时无法保存"},
    {"ask city hall for a new one", "请向市级索取新令牌"},
    {"the hub knows no such token", "市级没有此令牌"},
    {"the token is too old", "令牌已过期"},
    {"another machine used this token already", "另一台机器已使用此令牌"},
    {"tell city hall at once if you did not do that; ask for a new token", "若不是您所为，请立即告知市级；请索取新令牌"},
    {"ask city hall why, and for a new one", "请向市级问明原因并索取新令牌"},
    {"city hall took this token back", "市级已作废此令牌"},
    {"ask city hall why, and for a new token", "请向市级问明原因，并索取新令牌"},
    {"city hall did not approve this machine", "市级未批准本机"},
    {"the token names another policy key than the hub has", "令牌中的政策密钥与市级的不同"},
    {"the token is of another city, or of before the keys changed; ask city hall for a new one",
     "令牌属于另一城市，或早于密钥更换；请向市级索取新令牌"},
    {"the key of this machine belongs to a node already", "本机的密钥已属于某个节点"},
    {"a machine is enrolled once: use that node's data folder, or take an empty one",
     "一台机器只登记一次：请用该节点的数据目录，或换一个空目录"},
    {"city hall revoked this node", "市级已吊销此节点"},
    {"take an empty data folder and a new token", "请换空的数据目录和新令牌"},
    {"this machine did not prove that its keys are its own", "本机未能证明密钥为其所有"},
    {"take an empty data folder; if it happens again, tell city hall", "请换空的数据目录；若再次出现，请告知市级"},
    {"install the version that city hall has", "请安装市级使用的版本"},
    {"the hub does not speak this version of enrolment", "市级不支持此登记版本"},
    {"the city's catalogue is too large for this way", "本市的记录类型数据过大，不能用此方式登记"},
    {"city hall gives out an enrolment file instead: anjuctl node add … --out FILE", "请市级改用登记文件：anjuctl node add … --out 文件"},

    /* hub/answers.c */
    {"free space on the hub's disk", "请在市级主机上释放磁盘空间"},
    {"the disk is full: nothing is shown, since the audit log cannot note it", "磁盘已满：审计日志无法记录，因此不予显示"},
    {"restart the hub and run `anjuctl verify`", "请重启市级服务并运行`anjuctl verify`"},
    {"the store could not be read", "存储无法读取"},
    {"who are you? every look at personal data names its actor: --actor LOGIN", "您是谁？每次查看个人信息都须写明经办人：--actor 登录名"},
    {"what for? every look at personal data names its purpose: --purpose NAME", "为什么查看？每次查看个人信息都须写明用途：--purpose 用途"},
    {"there is no such purpose", "没有此用途"},
    {"a case is named by its id of 32 hex digits", "办件以其32位十六进制编号指明"},
    {"the purposes are those of the catalogue's document `purposes`", "可用的用途见政策文件`purposes`"},
    {"`anjuctl nodes` lists them", "`anjuctl nodes`列出全部节点"},
    {"there is no node %u", "没有节点%u"},
    {"a node has no field '%s' to sort by; it has:", "节点没有可排序的字段“%s”；有："},
    {"a node is never '%s'; its state is one of:", "节点没有状态“%s”；有："},
    {"node %u was revoked: its machine is enrolled no more", "节点%u已吊销：其机器不能再登记"},
    {"a held change is damaged", "隔离区中有一条更改已损坏"},
    {"run `anjuctl verify`", "请运行`anjuctl verify`"},
    {"--node N or --area DIGITS", "--node 编号 或 --area 区划代码"},
    {"a digest is of an area, or of all areas of a node", "摘要针对一个区域，或一个节点的全部区域"},
    {"run `anjuctl verify`, then restore or rebuild the state", "请运行`anjuctl verify`，然后恢复备份或重建state"},
    {"some records are damaged", "部分记录已损坏"},
    {"--hashes to compare by, --raw", "--hashes用于比对，--raw导出原值"},
    {"the hub gives out no records of persons, only the replicated state", "市级不导出人员记录，只导出复制状态"},
    {"run it again", "请重新运行"},
    {"the check was cancelled, or the daemon is stopping", "校验已取消，或守护进程正在停止"},
    {"%zu complaints; the first: %s", "%zu处问题；第一处：%s"},
    {"keep a copy of the data folder, then restore a backup", "请保留数据目录的副本，然后恢复备份"},

    /* hub/audit.c */
    {"the audit log cannot be read", "审计日志无法读取"},
    {"a time is a day, or a day and a minute", "时间写作日期，或日期加时分"},
    {"32 hex digits", "32位十六进制数字"},
    {"the hub knows records by their ids only", "市级只按记录号认记录"},
    {"whose record? TYPE/ID", "谁的记录？类型/编号"},
    {"keep a copy of the data folder, and find out who could write there; `anjuctl audit heads` tells what is kept",
     "请保留数据目录的副本，并查明谁能写入该目录；`anjuctl audit heads`列出已保存的摘要"},
    {"from entry %llu on the log does not hold: %s", "日志自第%llu条起不成立：%s"},
    {"free space on the hub's disk, then again", "请在市级主机上释放磁盘空间，然后重试"},
    {"the disk is full, or failed; nothing of this was saved", "磁盘已满或出错；没有保存任何内容"},
    {"whose log? a node's number, or: hub", "谁的日志？请写节点编号，或hub"},
    {"nothing was done, since the audit log cannot note it: the disk is full, or failed", "没有执行，因为审计日志无法记录：磁盘已满或出错"},
    {"free space on the hub's disk, then say it again", "请在市级主机上释放磁盘空间，然后再次执行"},

    /* hub/backup.c */
    {"no backup was made: %s", "没有生成备份：%s"},
    {"nothing half-made was left; `anjuctl backups` lists what there is", "没有留下不完整的文件；`anjuctl backups`列出已有备份"},
    {"the hub's own store took no note of it; it lies there, and is not counted",
     "市级自己的存储未能登记此备份；备份已写入，但不计入可用备份"},
    {"name the folder for the backups from / on", "请写以/开头的完整备份目录"},
    {"a backup is being made already", "正在备份"},
    {"wait until it is done; `anjuctl backups` lists it then", "请等待完成；完成后`anjuctl backups`会列出"},

    /* hub/decide.c */
    {"there is no such state", "没有此状态"},
    {"no move leads there from the state in which it is", "从当前状态不能转到该状态"},
    {"nobody is refused and nothing is closed without a reason: --reason TEXT", "没有理由不得拒绝或办结：--reason 理由"},
    {"what is decided is written FIELD=VALUE", "决定写作 字段=值"},
    {"there is no such field; `anjuctl types` at an office lists them", "没有此字段；办公室的`anjuctl types`列出全部字段"},
    {"too many fields at once", "一次的字段过多"},
    {"a field is here twice", "同一字段写了两次"},
    {"an office says that; the city decides fields of rule hub, once, max and min, and states",
     "这由办公室填写；市级只决定规则为hub、once、max、min的字段和状态"},
    {"the record could not be read", "记录无法读取"},
    {"the record's id, or the key that its source calls it by", "请写记录号，或来源系统中的编号"},
    {"there is no such record in the city", "全市没有此记录"},
    {"--purpose rights_request or correction", "--purpose rights_request 或 correction"},
    {"the record is restricted: its time is over, and it is only kept", "记录已限制使用：期限已到，只作保存"},
    {"what is decided? FIELD=VALUE", "决定什么？字段=值"},
    {"of which record?", "哪一条记录？"},
    {"--actor LOGIN --purpose NAME", "--actor 登录名 --purpose 用途"},
    {"who decides, and what for?", "由谁决定，用于什么？"},
    {"a reason has at most 1500 bytes", "理由最多1500字节"},

    /* hub/erase.c */
    {"it was noted, and is carried out when the hub can go on; do not say it again", "已记下，市级恢复后自动执行；请勿重复提交"},
    {"`anjuctl status` says what is in the way", "`anjuctl status`说明受阻原因"},
    {"it could not be saved; nothing was erased", "无法保存；没有删除任何内容"},
    {"the second home could not be read", "副本存储无法读取"},
    {"there is no such order, or it is not carried out yet", "没有此命令，或尚未执行"},
    {"which order? 32 hex digits, as `person erase` answered", "哪一条命令？`person erase`返回的32位十六进制编号"},
    {"the state could not be read", "状态存储无法读取"},
    {"it is erased already", "已经删除"},
    {"`anjuctl export --hashes` lists ids", "`anjuctl export --hashes`列出编号"},
    {"--confirm ID with the same id, or --yes; --dry-run lists what goes", "--confirm 同一编号，或--yes；--dry-run列出将删除的内容"},
    {"this erases %zu records for ever, at every office; no backup brings them back", "这将在所有办公室彻底删除%zu条记录；备份也不能恢复"},
    {"--type NAME; without it a Person is meant", "--type 类型；不写则指Person"},
    {"no such record type", "没有此记录类型"},
    {"whom? the record's id of 32 hex digits", "删除谁？请写记录号：32位十六进制数字"},
    {"--reason TEXT --order TEXT", "--reason 理由 --order 法律文书"},
    {"why, and by which legal order? both are kept here, and go nowhere else", "原因是什么？依据哪份法律文书？两者只保存在市级"},
    {"reason and order are too long", "理由和法律文书过长"},
    {"the id that confirms it is another one; nothing was erased", "确认用的编号不同；没有删除任何内容"},

    /* hub/history.c */
    {"run `anjuctl verify`, then restore a backup: keys may be missing", "请运行`anjuctl verify`，然后恢复备份：可能缺少密钥"},
    {"it is erased for ever, with its history", "已连同历史彻底删除"},
    {"its history, or a held change, is damaged", "其历史或隔离的更改已损坏"},
    {"the second home of the hub's own changes cannot be read", "市级自身更改的副本存储无法读取"},
    {"neither the state nor the log has a change of such a record", "状态存储和日志中都没有此记录的更改"},
    {"the type and the id must fit", "类型与编号须相符"},
    {"`anjuctl types` at an office lists them", "办公室的`anjuctl types`列出全部类型"},
    {"there is no such record type", "没有此记录类型"},
    {"32 hex digits, or the key that a source calls it by", "32位十六进制数字，或来源系统中的编号"},
    {"which record? the id is missing", "哪一条记录？缺少编号"},

    /* hub/orders.c */
    {"the disk is full; nothing was changed", "磁盘已满；没有作任何更改"},
    {"the hub's record of it is damaged; nothing was changed", "市级的相关记录已损坏；没有作任何更改"},
    {"it could not be saved", "无法保存"},
    {"look into the hub's log", "请查看市级日志"},
    {"which areas does the office serve? division codes of 2, 4, 6, 9 or 12 digits, apart by commas",
     "该办公室服务哪些区域？请写2、4、6、9或12位区划代码，用逗号分隔"},
    {"an office pulls the feeds of its areas and of all above them, at most 32 in all with its own: these are more; split it into two",
     "办公室会接收本区域及所有上级的数据，连同自身最多32个：现已超过；请分为两个办公室"},
    {"`anju-node --init` prints it: anju1:…; --key STRING", "`anju-node --init`会显示：anju1:…；--key 公钥字符串"},
    {"the node's public string is missing or mistyped", "缺少节点的公钥字符串，或有误"},
    {"a new machine runs --init of its own", "新机器须自行运行--init"},
    {"this key belongs to a node already; a machine is enrolled once", "此密钥已属于某个节点；一台机器只登记一次"},
    {"there is no node '%s'", "没有节点“%s”"},
    {"a new machine is enrolled: anjuctl node token AREA", "请登记新机器：anjuctl node token 区划"},
    {"node %u was closed for good", "节点%u已永久停用"},
    {"`anjuctl node triage FILE` takes what it still has", "`anjuctl node triage 文件`可接收其剩余更改"},
    {"node %u is revoked: nothing is taken from it", "节点%u已吊销：不再接收其任何内容"},

    /* hub/policy.c */
    {"it supersedes a version that is not there yet: leave the line out, and it takes the place of all before it",
     "它要取代的版本还不存在：请删去该行，即取代之前的全部版本"},
    {"this ends more than 64 scopes at once: end some of them first", "一次结束的适用范围超过64个：请先结束其中一些"},
    {"this very text is published already", "相同内容已经发布"},
    {"there is no such policy in this scope", "此适用范围没有该政策"},
    {"there is no such version to go back to; `policy halt` ends the policy in this scope",
     "没有可回退的版本；`policy halt`可在此适用范围停止该政策"},
    {"that version had a last day, which is over: publish its text with other days", "该版本有截止日且已过：请改日期后重新发布其内容"},
    {"it has ended in this scope already", "在此适用范围已经停止"},
    {"version %" PRId64 " needs the signatures of %u policy keys and has %u", "第%" PRId64 "版需要%u把政策密钥签名，现有%u个"},
    {"say it with --draft, sign the words elsewhere (anjuctl policy sign WORDS FILE --key KEY), then with --signatures; a text that is "
     "signed names its `from`",
     "请先加--draft，在别处签名（anjuctl policy sign WORDS FILE --key KEY），再加--signatures；要签名的文本须写明`from`"},
    {"the disk is full; nothing was published", "磁盘已满；没有发布"},
    {"it was noted, and is published when the hub can go on; do not say it again", "已记下，市级恢复后自动发布；请勿重复提交"},
    {"`anjuctl policies` lists what there is", "`anjuctl policies`列出已有政策"},
    {"give it other days, or say in the file which version it supersedes", "请改日期，或在文件中写明取代哪个版本"},
    {"which policy?", "哪一项政策？"},
    {"correct the file, then publish it again", "请修正文件后重新发布"},
    {"`anjuctl policies` lists them", "`anjuctl policies`列出全部政策"},
    {"which policy? KIND/NAME", "哪一项政策？种类/名称"},
    {"--scope is a division code of 2, 4, 6, 9 or 12 digits; without it the whole city's is meant",
     "--scope是2、4、6、9或12位区划代码；不写则指全市"},
    {"--signatures: what `anjuctl policy sign` printed belongs here", "--signatures：此处应填`anjuctl policy sign`的输出"},
    {"--to is the number of a version", "--to是版本号"},
    {"`anjuctl policy show KIND/NAME` lists them", "`anjuctl policy show KIND/NAME`列出全部版本"},

    /* hub/reach.c */
    {"--scope is a division code of 2, 4, 6, 9 or 12 digits", "--scope是2、4、6、9或12位区划代码"},
    {"`anjuctl policies --all` lists all versions", "`anjuctl policies --all`列出全部版本"},
    {"there is no such policy, scope or version", "没有此政策、适用范围或版本"},
    {"correct the file", "请修正文件"},

    /* hub/rekey.c */
    {"%s cannot be opened: %s", "%s无法打开：%s"},
    {"another address or port; nothing was changed", "请换一个地址或端口；没有作任何更改"},
    {"`anjuctl status` then says how far it is", "届时`anjuctl status`会显示进度"},
    {"the hub is stopping; the change goes on when it starts", "市级服务正在停止；下次启动后继续更换"},
    {"`anjuctl status` names who has not moved; then anjuctl hub-key retire",
     "`anjuctl status`列出尚未迁移的办公室；之后anjuctl hub-key retire"},
    {"the hub's keys are changing already", "市级密钥正在更换中"},
    {"where shall the hub answer with its new key? another port, beside the one that the offices know",
     "市级用新密钥在哪里应答？请另设端口，与办公室已知的不同"},
    {"free space on the disk, or look at it", "请释放磁盘空间，或检查磁盘"},
    {"the new keys could not be saved: %s", "新密钥无法保存：%s"},
    {"no change of the hub's keys is under way", "没有正在进行的市级密钥更换"},
    {"`anjuctl nodes` names them; --now closes it all the same: they must be given new enrolment files by hand",
     "`anjuctl nodes`列出这些办公室；--now仍然停用：须人工重新发放登记文件"},
    {"%zu offices have not come by the new endpoint yet", "还有%zu个办公室没有从新地址连接过"},
    {"let them be brought, or revoke them; --now closes it all the same: they must be made again",
     "请等其使用，或将其作废；--now仍然停用：这些令牌须重新生成"},
    {"%zu tokens name the former key, and can bring a machine only until it goes: %s", "%zu个令牌写的是旧密钥，只能在停用前登记机器：%s"},
    {"look at the disk; restart the hub", "请检查磁盘；重启市级服务"},
    {"the keys could not be put in place: %s", "密钥无法就位：%s"},

    /* hub/retention.c */
    {"a policy changed meanwhile; what was done is done, the rest waits", "执行期间有政策变更；已处理的保留，其余未处理"},
    {"say it again", "请再次执行"},
    {"--days is a number of days", "--days是天数"},
    {"`anjuctl status` says when it is over", "`anjuctl status`说明何时结束"},
    {"it is under way", "正在执行"},

    /* hub/tokens.c */
    {"ask again in a moment", "请稍后再问"},
    {"the tokens are being read", "正在读取令牌"},
    {"how long is the token good? 90s, 30m, 24h, 7d; at most %dd", "令牌有效多久？90s、30m、24h、7d；最长%dd"},
    {"a shorter name", "请用短一些的名称"},
    {"an office's name has at most %zu bytes here", "办公室名称最多%zu字节"},
    {"this hub has no enrolment endpoint now: no machine could bring the token", "本市级服务现在没有登记端口：机器无法使用令牌"},
    {"set `enrol` in the hub's configuration; `anjuctl status` says why it is not open; or: anjuctl node add",
     "请在市级配置中设置`enrol`；`anjuctl status`说明为何未打开；或：anjuctl node add"},
    {"%d tokens are open or wait: revoke what is not used", "已有%d个令牌未使用或在等待：请作废不用的"},
    {"this token is being worked on", "此令牌正在处理"},
    {"`anjuctl node tokens` lists them", "`anjuctl node tokens`列出全部令牌"},
    {"there is no token '%s'", "没有令牌“%s”"},
    {"node %u is enrolled with it already", "节点%u已用它登记"},
    {"to shut the node out: anjuctl node revoke N", "要拒绝该节点：anjuctl node revoke N"},
    {"`anjuctl node pending` lists them; if the office shows a code that is not there, do not approve: another machine may have its token",
     "`anjuctl node pending`列出等待的机器；若办公室显示的代码不在其中，请勿批准：其令牌可能在另一台机器上"},
    {"no machine waits with the code %s", "没有代码为%s的机器在等待"},
    {"`anjuctl nodes` shows it", "`anjuctl nodes`可查看"},
    {"the machine with this code is node %u already", "此代码的机器已是节点%u"},
    {"make a new token", "请生成新令牌"},
    {"the machine with this code was turned away: %s", "此代码的机器已被拒绝：%s"},
    {"a machine's code has three groups of four letters and digits; a node has a number", "机器代码是三组、每组四个字母数字；节点用编号"},
    {"`anjuctl node pending` lists the codes, `anjuctl nodes` the nodes", "`anjuctl node pending`列出代码，`anjuctl nodes`列出节点"},
    {"`anjuctl node pending` lists them", "`anjuctl node pending`列出代码"},
    {"a code has three groups of four letters and digits", "代码是三组、每组四个字母数字"},

    /* hub/trend.c */
    {"--hours is a number from 1 to 24", "--hours是1至24的数字"},

    /* hub/held.c */
    {"only the city itself writes such records, no office does", "此类记录只由市级写入，办公室不能写"},
    {"the city has no such record yet, and this change does not make it one of this office's: an earlier change of it has not come or is "
     "held too, or the area that it names is another office's",
     "市级尚无此记录，而这条更改也不能使它成为本办公室的记录：此前的更改尚未到达或也被隔离，或所写区域属于其他办公室"},
    {"what lies before a whole district, or shall lie there, only the city changes", "面向整个区的记录（或将面向整个区的）只由市级更改"},
    {"the record is of the offices that are named here, and not of this one", "此记录属于所列办公室，不属于该办公室"},
    {"discard it, and ask who works at that machine: `anjuctl node show`", "请丢弃，并查问谁在使用该机器：`anjuctl node show`"},
    {"it is tried again by itself when the record comes or the office's areas grow; a retry before that changes nothing; discard it when "
     "the record is none of that office's",
     "记录到达或办公室区域扩大时会自动重试，此前重试无效；若此记录与该办公室无关，请丢弃"},
    {"discard it; what it should say is decided here: `anjuctl decide`", "请丢弃；应有的内容由市级决定：`anjuctl decide`"},
    {"is it that office's business? then somebody there takes the record up (`anjuctl adopt TYPE ID --reason TEXT`), and it is merged by "
     "itself; a retry before that changes nothing; else discard it",
     "若确属该办公室业务，请其接收此记录（`anjuctl adopt TYPE ID --reason TEXT`），随后自动合并，此前重试无效；否则请丢弃"},
    {"the program that the hub had when it came could not read it; this one can", "收到时市级程序无法读取，现在的程序可以"},
    {"a newer program wrote it, in a form that the hub's does not know", "由更新版本的程序写成，市级程序不认识其格式"},
    {"its bytes are no change, or not the one that belongs there: the machine is broken, or its program is a wrong one",
     "其内容不是更改，或不是该处应有的更改：机器损坏，或程序不对"},
    {"retry it", "请重试"},
    {"update the hub's program, then retry it", "请更新市级程序，然后重试"},
    {"a retry changes nothing; discard it, and look after that machine: `anjuctl node show`",
     "重试无效；请丢弃，并检查该机器：`anjuctl node show`"},
    {"that machine's clock was ahead when it was saved; merged as it is, it would count as newer than all that others write until that "
     "time",
     "保存时该机器的时钟超前；若照原样合并，在该时刻之前它会被视为比他人所写的都新"},
    {"the rule of a field forbids this to an office: to replace what others said there, or to write what only the city writes",
     "字段规则不允许办公室这样做：替换他人所写的值，或写只有市级能写的内容"},
    {"with it the record would be larger than a record may be (`anjuctl limits`)", "合并后记录将超过允许的大小（`anjuctl limits`）"},
    {"it came from this node and says that another one wrote it", "它来自此节点，却称由另一节点写成"},
    {"this node wrote it under the name of another one's change", "此节点以另一节点更改的名义写成"},
    {"a person decided that it is not merged; it is only kept", "已由人决定不合并，仅予保留"},
    {"its node was revoked or closed before it came in a file: who wrote it may have had no right to",
     "它以文件送达之前其节点已吊销或停用：写入者可能无权"},
    {"the hub's program does not know this reason: a newer one held it", "市级程序不认识此原因：由更新版本的程序隔离"},
    {"set that machine's clock right; then discard it and let the office write it again, or retry it when the time that it was saved with "
     "has come",
     "请校准该机器的时钟；然后丢弃并由办公室重新录入，或在其所记保存时间到来后重试"},
    {"the time that it was saved with has come: retry it, unless what was written since makes it wrong; then discard it",
     "其所记保存时间已到：可重试；若此后的录入已使它不再正确，请丢弃"},
    {"ask the office what it meant; a retry merges it in spite of the rule, since a person has looked; else discard it",
     "请向办公室核实；重试即视为已经人工核对，不受规则限制而合并；否则请丢弃"},
    {"let an office take something out of the record, then retry it; or discard it and let the office write it into a new record",
     "请办公室从此记录中删去一些内容后重试；或丢弃，由办公室写入新记录"},
    {"a retry changes nothing; discard it; if nobody there can explain it, `anjuctl node revoke`",
     "重试无效；请丢弃；若当地无人能解释，请`anjuctl node revoke`"},
    {"retry it only if that machine goes on with a copy of the other one's disk; else discard it",
     "仅当该机器沿用另一机器的磁盘副本时才重试；否则请丢弃"},
    {"nothing; retry it if that was a mistake", "无需处理；若丢弃有误可重试"},
    {"nothing", "无需处理"},
    {"ask the people of that office whether it is right and still wanted: then retry it, else discard it",
     "请向该办公室人员核实是否正确、是否仍需要：是则重试，否则丢弃"},
    {"update the hub's program", "请更新市级程序"},

    /* hub/triage.c */
    {"these changes do not follow what the hub has of that node: a part before them is missing, or its log is an older copy",
     "这些更改与市级已有的该节点更改不衔接：前面缺一部分，或其日志是旧副本"},
    {"bring the parts in their order; else a person writes them again from `anjuctl export` there",
     "请按顺序提交各部分；否则由人按当地`anjuctl export`重新录入"},
    {"this is no file of unsent changes, or it is cut or damaged", "这不是未上传更改的文件，或被截断、已损坏"},
    {"at the node: anjuctl export unsent --out FILE", "请在该节点：anjuctl export unsent --out 文件"},
    {"it is of a node that this city does not have", "它属于本市没有的节点"},
    {"its node is neither revoked nor closed: it sends its changes by itself", "其节点未吊销也未停用：会自行上传更改"},
    {"`anjuctl node show` says how far it is", "`anjuctl node show`说明其进度"},
    {"it is not signed by the key of its node, or it was changed since", "没有该节点密钥的签名，或签名后被改动"},
    {"make it again at that machine: anjuctl export unsent --out FILE", "请在该机器重新导出：anjuctl export unsent --out 文件"},
    {"no change %" PRIu64 " of node %" PRIu32 " is held", "没有隔离的第%" PRIu64 "条更改（节点%" PRIu32 "）"},
    {"--incarnation HEX, as `anjuctl -o jsonl quarantine list` says", "--incarnation HEX，见`anjuctl -o jsonl quarantine list`"},
    {"%u lives of node %" PRIu32 " have a held change %" PRIu64 "", "有%u段日志在节点%" PRIu32 "有隔离更改%" PRIu64 ""},
    {"no such change of node %" PRIu32 " is held", "节点%" PRIu32 "没有这样的隔离更改"},
    {"which node? its number", "哪个节点？请写其编号"},
    {"`anjuctl quarantine list` shows it", "`anjuctl quarantine list`列出编号"},
    {"nothing is held for '%s'", "没有隔离原因'%s'"},
    {"scope, clock, rule, full, garbage, forged, revoked or discarded",
     "可写scope、clock、rule、full、garbage、forged、revoked或discarded"},
    {"which changes? one by its seq, those held for one reason, or all that wait", "哪些更改？按序号一条、按同一原因，或全部待处理的"},
    {"NODE SEQ, NODE --held-for REASON or NODE --all", "节点 序号，节点 --held-for 原因，或 节点 --all"},
    {"there are more: the same command again", "还有更多：请再执行同一命令"},
    {"`anjuctl quarantine list` says what became of it", "`anjuctl quarantine list`说明处理结果"},
    {"`anjuctl quarantine list` shows both", "`anjuctl quarantine list`列出两者"},
    {"which change? the node's number and the change's seq", "哪一条更改？请写节点编号和更改序号"},
    {"--reason TEXT", "--reason 理由"},
    {"why shall it not be merged? its office is told that it was discarded", "为何不合并？该办公室会收到丢弃通知"},

    /* hub/why.c */
    {"ask at the office that saved it: `anjuctl why TYPE/ID` there; TYPE/ID finds here also what is in the log alone",
     "请在保存它的办公室查询：`anjuctl why TYPE/ID`；写TYPE/ID可查到仅在日志中的记录"},
    {"no change of such a record has come to the hub; %zu offices have changes that they did not send, or are not here",
     "此记录的更改尚未到达市级；%zu个办公室有未上传的更改或不在线"},
    {"there is no node %" PRIu32 "", "没有节点%" PRIu32 ""},
    {"a record is named TYPE/ID, or by its id of 32 hex digits", "记录写作 类型/编号，或32位十六进制编号"},
    {"an office is named by the number of its node", "办公室以其节点编号指明"},

    /* node/audit.c */
    {"keep a copy of the store's folder, and find out who could write there; `anjuctl audit heads` tells what is kept",
     "请保留存储目录的副本，并查明谁能写入该目录；`anjuctl audit heads`列出已保存的摘要"},
    {"free space on this machine's disk", "请在本机释放磁盘空间"},

    /* node/backup.c */
    {"nothing half-made was left", "没有留下不完整的文件"},
    {"wait until it is done", "请等待完成"},

    /* node/board.c */
    {"a paper is KIND, KIND:DAY or KIND:pledge", "材料写作 种类、种类:日期 或 种类:pledge"},
    {"a paper of a day to come", "材料日期在今天之后"},
    {"too many papers at once", "一次的材料过多"},
    {"`anjuctl services` lists them", "`anjuctl services`列出全部事项"},
    {"no such service is offered today", "今日不办理此事项"},
    {"a grade is a number", "年级应是数字"},
    {"`anjuctl admission` lists them", "`anjuctl admission`列出可申请的学校"},
    {"no such school, or grade, takes applications", "没有受理申请的此学校或年级"},
    {"`anjuctl rules` names them: those of the kind code_list", "`anjuctl rules`可查看：种类为code_list的规定"},
    {"there is no such list of codes here", "本站没有此代码表"},

    /* node/edit.c */
    {"`anjuctl types` lists the fields", "`anjuctl types`列出全部字段"},
    {"%s has no field '%s'%s", "%s没有字段“%s”%s"},
    {"%s has no field '%s'; did you mean '%s'?", "%s没有字段“%s”；是不是“%s”？"},
    {"%s.%s: too long, or too many fields at once", "%s.%s: 过长，或一次的字段过多"},
    {"no operation '%s'", "没有操作“%s”"},
    {"set, create, delete, adopt or resolve", "set、create、delete、adopt或resolve"},
    {"%s.%s: there are no values to decide between", "%s.%s: 没有需要选择的并发值"},
    {"`anjuctl conflicts` lists what is to be decided", "`anjuctl conflicts`列出待处理的并发值"},
    {"%s.%s: there is no such side", "%s.%s: 没有这一方的值"},
    {"look again, it may have changed meanwhile: anjuctl conflict show TYPE ID",
     "请重新查看，可能已有变化：anjuctl conflict show 类型 编号"},
    {"which side of which field counts?", "以哪个字段的哪一方为准？"},
    {"anjuctl conflict show TYPE ID names the sides", "anjuctl conflict show 类型 编号 会列出各方"},
    {"why does this office take up the record? the home office will see it", "为何由本办公室接收此记录？所属办公室会看到"},
    {"a reason has at most %d bytes", "理由最多%d字节"},
    {"`anjuctl types` lists them", "`anjuctl types`列出全部类型"},
    {"no record type '%s'", "没有记录类型“%s”"},
    {"a source's key has at most 128 bytes", "来源系统的编号最多128字节"},
    {"%s.%s: a value is sent as text", "%s.%s: 值应以文本传送"},
    {"%s.%s is required", "%s.%s为必填"},
    {"op set changes it; \"exists\": \"keep\" leaves it as it is, \"update\" writes what differs",
     "op set可更改；\"exists\"：\"keep\"保持原样，\"update\"写入不同的值"},
    {"there is such a %s already, with other values", "已有此%s，且值不同"},
    {"`anjuctl verify` tells more; repair brings it back when the line is up", "`anjuctl verify`可查明详情；连接恢复后会自动修复"},
    {"the record is damaged on this disk", "此记录在本机磁盘上已损坏"},
    {"`anjuctl adopt` takes up a record of another office; op create makes a new one",
     "`anjuctl adopt`可接收其他办公室的记录；op create新建记录"},
    {"this office has no such %s", "本办公室没有此%s"},
    {"wait until the city has sent it: `anjuctl wait --caught-up`", "请等市级传来：`anjuctl wait --caught-up`"},
    {"the record was taken up but has not come yet", "记录已接收，但尚未到达"},
    {"FIELD=VALUE", "字段=值"},
    {"nothing to save: no field was given", "没有可保存的内容：未给出字段"},
    {"nothing can be saved about it any more; ask the city", "不能再保存其任何内容；请询问市级"},
    {"remove what is not needed any more", "请移除不再需要的内容"},
    {"the edit failed", "保存失败"},
    {"what it holds can be read; ask city hall which office goes on with it", "已有数据仍可查看；请向市级询问由哪个办公室接续"},
    {"the city closes this office's node: it takes no more edits", "市级正在停用本办公室的节点：不再接受更改"},
    {"install a newer version; what is here can be read meanwhile", "请安装新版本；其间仍可查看已有数据"},
    {"exists: no such word as '%s'", "exists：没有“%s”这个词"},
    {"refuse, keep or update", "refuse（拒绝）、keep（保留）或update（更新）"},
    {"a request has 1 to %d records", "一次请求可有1至%d条记录"},
    {"a field is here twice; use two puts", "同一字段写了两次；请分两次put"},
    {"one put says one thing of a field", "一次put对一个字段只能写一项"},

    /* node/elements.c */
    {"%s.%s: no state '%.*s'; there are: %s", "%s.%s: 没有状态“%.*s”；有：%s"},
    {"STATE or STATE@DAY", "状态 或 状态@日期"},
    {"%s.%s: '%s' (%s) needs a reason: nobody is refused and nothing is closed without one",
     "%s.%s: “%s”（%s）需要理由：没有理由不得拒绝或办结"},
    {"%s.%s: an entry of a ledger is reversed by its name, NODE:TAG", "%s.%s: 冲销条目要写其名称，NODE:TAG"},
    {"`anjuctl get` shows the entries", "`anjuctl get`可查看各条目"},
    {"%s.%s: nothing is added to it or taken out of it", "%s.%s: 不能增加或移除值"},
    {"%s.%s: it has values of its own each, so it cannot be cleared at once", "%s.%s: 其中各值独立，不能一次清空"},
    {"FIELD-=VALUE takes one out", "字段-=值 可移除一个"},
    {"%s.%s: this value is not in it", "%s.%s: 其中没有此值"},
    {"`anjuctl get` shows what is in it", "`anjuctl get`可查看其内容"},
    {"%s.%s: there is no such entry", "%s.%s: 没有此条目"},
    {"%s.%s: the entry is a reversal, or is reversed already", "%s.%s: 该条目是冲销，或已被冲销"},
    {"add the right entry", "请新增正确的条目"},
    {"%s.%s is '%s' (%s): from there it goes to %s", "%s.%s现为“%s”（%s）：由此可转到%s"},
    {"`anjuctl get` shows how it came there", "`anjuctl get`可查看办理过程"},
    {"nothing any more", "无（已办结）"},

    /* node/enrol.c */
    {"this machine is not enrolled: it is no office's node yet", "本机尚未登记：还不是任何办公室的节点"},
    {"take a token to it (at city hall: anjuctl node token AREA), then here: anjuctl enrol TOKEN@HOST:PORT; or take its public string to "
     "city hall (anjuctl node add) and --join the enrolment file",
     "请取得令牌（市级：anjuctl node token AREA），然后在此：anjuctl enrol TOKEN@HOST:PORT；或把本机公钥字符串交市级（anjuctl node "
     "add），再--join登记文件"},
    {"is the line up? then the same command again", "线路通吗？然后再次执行同一命令"},
    {"the connection broke before the hub answered", "市级回答之前连接中断"},
    {"is it the hub's enrolment endpoint (port 7402, unless city hall says otherwise), does the hub have one, is the line up?",
     "这是市级的登记端口吗（未另行说明时为7402）？市级开通了登记吗？线路通吗？"},
    {"nobody answers at this address", "此地址无人应答"},
    {"who answers at this address has not the key that the token names, or is busy", "此地址的应答方没有令牌所写的密钥，或正忙"},
    {"is the token of this city's hub, and is this its address? do not go on elsewhere: ask city hall; when the hub's keys changed since "
     "the token was made, they give you a new one",
     "令牌是本市的吗？这是市级的地址吗？请勿在别处继续，先询问市级；若生成令牌后市级更换过密钥，请索取新令牌"},
    {"this is the endpoint of nodes, not the one for enrolment", "这是节点连接端口，不是登记端口"},
    {"the enrolment endpoint has a port of its own: 7402, unless city hall says otherwise", "登记端口另有端口号：市级未另行说明时为7402"},
    {"the hub's answer cannot be read", "市级的回答无法读取"},
    {"the enrolment that the hub sent cannot be read", "市级发来的登记文件无法读取"},
    {"free space on this machine's disk; it is tried again", "请在本机释放磁盘空间；将自动重试"},
    {"the disk is full: the enrolment could not be saved", "磁盘已满：登记无法保存"},
    {"tell city hall; nothing was saved", "请告知市级；没有保存任何内容"},
    {"the enrolment that the hub sent is damaged, or not what the token promised", "市级发来的登记文件已损坏，或与令牌不符"},
    {"look at the disk, restart the node", "请检查磁盘，重启节点"},
    {"the store failed: the enrolment could not be saved", "存储出错：登记无法保存"},
    {"the hub let us in but did not answer", "市级已接入但没有回答"},
    {"the same command again; if it stays so, city IT looks into the hub's log", "请再次执行同一命令；若仍如此，请市信息部门查看市级日志"},
    {"where is the hub? a token is followed by @HOST:PORT", "市级在哪里？令牌后须写@主机:端口"},
    {"the token is mistyped, or not whole: its check does not hold", "令牌有误或不完整：校验不符"},
    {"copy it as city hall's screen shows it, from anju-token1: to its end", "请照市级屏幕完整复制，从anju-token1:到末尾"},
    {"a new machine, or an empty data folder", "请用新机器，或空的数据目录"},
    {"this is node %u already; a machine is enrolled once", "本机已是节点%u；一台机器只登记一次"},
    {"another enrol took its place", "已由另一次登记取代"},

    /* node/gate.c */
    {"name the purpose that you really have; a refusal is in the audit log too", "请写您真实的用途；被拒绝的请求也记入审计日志"},
    {"the purpose '%s' does not open %s%s%s%s%s", "用途“%s”不能查看%s%s%s%s%s"},
    {"; no purpose does", "；没有用途可以查看"},
    {"; these do: ", "；可用的用途："},
    {"leave --raw out: what the purpose opens is shown", "请去掉--raw：会显示该用途可查看的部分"},
    {"the purpose '%s' does not open all of the record", "用途“%s”不能查看整条记录"},
    {"name one of them: --type TYPE", "请写明其中一种：--type 类型"},
    {"the purpose '%s' does not open all record types; it opens: %s", "用途“%s”不能查看全部记录类型；可查看：%s"},
    {"none of them", "无"},

    /* node/in_force.c */
    {"`anjuctl rules` lists them", "`anjuctl rules`列出现行规定"},
    {"no such rule is in force here", "此规定在本站未生效"},
    {"which rule? KIND/NAME", "哪一项规定？种类/名称"},

    /* node/judge.c */
    {"correct it, then save it again; nothing was saved", "请改正后再保存；没有保存任何内容"},
    {"\nand %zu more", "\n另有%zu处"},

    /* node/office.c */
    {"free space on this machine's disk, then send it again", "请在本机释放磁盘空间，然后重新提交"},
    {"the disk is full; nothing of this was saved", "磁盘已满；没有保存任何内容"},
    {"restart the node and run `anjuctl verify`", "请重启节点并运行`anjuctl verify`"},
    {"the store failed; nothing of this is certain", "存储出错；本次操作结果不确定"},
    {"--purpose rights_request or correction, if that is what it is for", "若确为该用途：--purpose rights_request 或 correction"},
    {"--actor LOGIN", "--actor 登录名"},
    {"who are you? every look at personal data names its actor", "您是谁？每次查看个人信息都须写明经办人"},
    {"--purpose NAME; `anjuctl types` lists the purposes", "--purpose 用途；`anjuctl types`列出全部用途"},
    {"what for? every look at personal data names its purpose", "为什么查看？每次查看个人信息都须写明用途"},
    {"`anjuctl types` lists the purposes", "`anjuctl types`列出全部用途"},
    {"--case ID, as `anjuctl put` printed it", "--case 编号，即`anjuctl put`所显示的"},
    {"no record type '%s'%s", "没有记录类型“%s”%s"},
    {"no record type '%s'; did you mean '%s'?", "没有记录类型“%s”；是不是“%s”？"},

    /* node/points.c */
    {"the records could not be read", "记录无法读取"},

    /* node/questions.c */
    {"`anjuctl adopt` takes up a record of another office", "`anjuctl adopt`可接收其他办公室的记录"},
    {"this office has no such record", "本办公室没有此记录"},
    {"ask for a value that fewer records have", "请改用更少记录具有的值"},
    {"more than %d records have this value", "有此值的记录超过%d条"},
    {"a search is an exact value of one field", "查找须写一个字段的准确值"},
    {"no field '%s'%s", "没有字段“%s”%s"},
    {"no field '%s'; did you mean '%s'?", "没有字段“%s”；是不是“%s”？"},
    {"ask for one person: by id, key, phone, or name with birth date", "请逐人查询：按编号、电话，或姓名加出生日期"},
    {"records about people are never listed by %s (%s)", "人员记录不得按%s（%s）列出"},
    {"the change log could not be read", "更改日志无法读取"},

    /* node/rekey.c */
    {"free space on the disk, or look at it; then again", "请释放磁盘空间，或检查磁盘；然后重试"},

    /* node/state.c */
    {"`anjuctl status` says how far it is and what is wrong", "`anjuctl status`说明进度和问题"},
    {"it did not happen in time", "未在规定时间内完成"},
    {"--timeout is a number of seconds, at most a day", "--timeout是秒数，最多一天"},
    {"keep a copy of the store's folder; repair from the hub, or restore a backup", "请保留存储目录的副本；由市级修复，或恢复备份"},

    /* node/unsent.c */
    {"change %" PRIu64 " of the log cannot be read", "日志中第%" PRIu64 "条更改无法读取"},
    {"`anjuctl queue` shows what waits", "`anjuctl queue`列出等待上传的更改"},
    {"the city has all that this office saved", "本办公室保存的内容市级已全部收到"},
    {"there is no such part", "没有此部分"},
    {"which part? they are counted from 1", "哪一部分？从1开始编号"},

    /* node/why.c */
    {"if it is another office's: `anjuctl why RECORD NODE` at city hall says whether it comes here",
     "若属其他办公室：市级的`anjuctl why RECORD NODE`说明它是否会到这里"},
    {"this office has no such record, and no change of one", "本办公室没有此记录，也没有它的任何更改"},
};

const char *words_in(bool zh, const char *text) {
    for (size_t i = 0; zh && text != NULL && i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].en, text) == 0)
            return table[i].zh;
    return text;
}

void words_format(struct buffer *out, bool zh, const char *format, va_list args) {
    char text[WORDS_MOST + 1];
    int whole = vsnprintf(text, sizeof text, words_in(zh, format), args);
    size_t len = strlen(text);
    if (whole > WORDS_MOST) {
        while (len > 0 && ((unsigned char)text[len - 1] & 0xC0) == 0x80)
            len--;
        if (len > 0 && (unsigned char)text[len - 1] >= 0xC0)
            len--;
    }
    buffer_add(out, bytes_of(text, len));
}

const char *words_errno(bool zh, int number) {
    static const struct {
        int number;
        const char *zh;
    } known[] = {{ENOENT, "没有该文件或目录"}, {ECONNREFUSED, "连接被拒绝"}, {EACCES, "权限不够"},
                 {EPERM, "不允许的操作"},      {EEXIST, "文件已存在"},       {EISDIR, "是一个目录"},
                 {ENOTDIR, "不是目录"},        {ENOSPC, "磁盘空间已满"},     {EROFS, "文件系统只读"},
                 {EIO, "磁盘读写出错"},        {EADDRINUSE, "地址已被占用"}, {EADDRNOTAVAIL, "本机没有该地址"},
                 {ENAMETOOLONG, "名称过长"},   {ENOTSOCK, "不是套接字"},     {EFBIG, "文件过大"}};
    for (size_t i = 0; zh && i < sizeof known / sizeof *known; i++)
        if (known[i].number == number)
            return known[i].zh;
    return strerror(number);
}
