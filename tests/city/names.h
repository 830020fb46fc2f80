/* Word lists of the generated city. Written for it by hand; whoever carries such a name does so by accident. */
#pragma once

static const char *const sex_names[] = {"男", "女"};

static const char *const surnames[] = {"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高",
                                       "林", "何", "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧",
                                       "程", "曹", "袁", "邓", "许", "傅", "沈", "曾", "彭", "吕", "苏", "卢", "蒋", "蔡", "贾",
                                       "丁", "魏", "薛", "叶", "阎", "余", "潘", "杜", "戴", "夏", "钟", "汪", "田", "任", "姜"};
static const char *const surnames_double[] = {"欧阳", "上官", "司马", "诸葛", "皇甫", "尉迟", "慕容", "令狐"};
static const char *const given_male[] = {"伟", "强", "磊", "军", "勇", "杰", "涛", "明", "超", "刚", "平", "辉", "鹏",
                                         "华", "飞", "鑫", "波", "斌", "宇", "浩", "凯", "健", "俊", "帆", "帅", "旭",
                                         "宁", "龙", "林", "阳", "建", "国", "志", "文", "海", "东", "春", "山"};
static const char *const given_female[] = {"芳", "娜", "敏", "静", "丽", "艳", "娟", "霞", "燕", "玲", "桂", "英", "秀",
                                           "兰", "梅", "红", "雪", "莉", "倩", "婷", "颖", "洁", "慧", "琳", "欣", "怡",
                                           "蕾", "薇", "月", "云", "凤", "珍", "玉", "萍", "华", "晓", "梦", "佳"};
static const char *const dotted_male[] = {"艾尔肯", "吐尔逊",   "玉素甫", "努尔兰",   "卡德尔",   "依明",    "托合提",
                                          "热合曼", "帕尔哈提", "塔依尔", "木合塔尔", "阿不力孜", "亚生",    "库尔班",
                                          "赛买提", "阿迪力",   "肉孜",   "巴图尔",   "买买提明", "艾合买提"};
static const char *const dotted_female[] = {"阿依古丽", "热依汗",   "古丽娜尔", "玛依拉",   "祖丽菲亚", "帕提古丽", "迪丽拜尔", "米热古丽",
                                            "阿曼古丽", "茹仙古丽", "佐拉",     "努尔古丽", "海丽切木", "沙拉买提", "阿孜古丽", "布威海丽"};
/* A clerk hears one and writes the other. */
static const char *const sound_pairs[][2] = {{"伟", "炜"}, {"芳", "方"}, {"静", "敬"}, {"丽", "莉"}, {"华", "桦"},
                                             {"萍", "苹"}, {"英", "瑛"}, {"辉", "晖"}, {"军", "君"}, {"志", "智"},
                                             {"依", "伊"}, {"尔", "耳"}, {"玲", "铃"}, {"文", "雯"}, {"波", "博"}};

static const char *const ordinals[] = {"一",     "二",     "三",     "四",     "五",     "六",     "七",     "八",     "九",     "十",
                                       "十一",   "十二",   "十三",   "十四",   "十五",   "十六",   "十七",   "十八",   "十九",   "二十",
                                       "二十一", "二十二", "二十三", "二十四", "二十五", "二十六", "二十七", "二十八", "二十九", "三十",
                                       "三十一", "三十二", "三十三", "三十四", "三十五", "三十六", "三十七", "三十八", "三十九", "四十"};
static const char *const roads[] = {"假想路", "假想北路", "假想南路", "样本街", "样本东街", "练习巷", "想象大道", "例子路"};
static const char *const brands[] = {"明远", "同德", "新禾", "长风", "百川", "青石", "启航", "远山", "合众", "金穗", "北辰", "南苑"};
static const char *const trades[] = {"建筑", "运输", "餐饮", "物业", "商贸", "家政", "保安", "农业", "机械", "化工"};
static const char *const schools[] = {"想象第一小学", "想象第二小学", "想象第三小学", "想象实验小学",
                                      "想象第一中学", "想象第二中学", "想象幼儿园"};
static const char *const native_places[] = {
    "虚构省一号市", "虚构省二号市", "虚构省三号县", "想象省东市", "想象省西市", "样例自治区北州", ""};
static const char *const educations[] = {"小学", "初中", "高中", "中专", "大专", "本科", "研究生"};
static const char *const tenures[] = {"自有", "租住", "单位宿舍", "借住"};
static const char *const occupations[] = {"10101", "20103", "20205", "30101", "40102", "40202",
                                          "40405", "50101", "61801", "62401", "70000"};
static const char *const contracts[] = {"有", "有", "无"};
static const char *const schemes[] = {"养老", "医疗", "失业", "工伤", "生育"};
static const char *const insurance_states[] = {"正常", "中断", "停保"};
static const char *const courses[] = {"电工",     "焊工",     "叉车",     "保安员",   "家政服务",
                                      "养老护理", "中式烹调", "电子商务", "安全生产", "普通话"};
static const char *const training_states[] = {"已报名", "在训", "已结业", "未到"};
static const char *const dispute_kinds[] = {"邻里", "租赁", "劳动", "物业", "婚姻家庭", "消费", "损害赔偿"};
static const char *const dispute_open[] = {"受理", "调解中"};
static const char *const dispute_closed[] = {"调解成功", "调解不成", "撤回"};
static const char *const mediators[] = {"调解员一", "调解员二", "调解员三", "调解员四"};
static const char *const notes[] = {"已电话联系",   "双方约谈",       "待补充材料",        "已入户走访",          "转街道处理",
                                    "达成初步意见", "当事人要求延期", "双方约谈,下周再谈", "当事人说\"可以商量\""};
static const char *const place_states[] = {"已入学", "已入学", "待安排", "已申请", "已转学"};
