#include "common/daemon/policy_tool.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/catalogue/catalogue.h"
#include "common/catalogue/policy.h"
#include "common/daemon/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char key_magic[] = "anju-policy-key-1\n";
static const char keygen_usage[] =
    "anjuctl policy keygen FILE: makes a policy key that stays in FILE, and prints its public half, for the\n"
    "setting policy_signers of anju-hub --init. Keep FILE on a medium in a safe, not at the hub.\n";
static const char sign_usage[] =
    "anjuctl policy sign WORDS FILE.yaml --key KEYFILE: signs what `anjuctl -o jsonl policy publish FILE.yaml --draft` printed at the hub\n"
    "(its lines are WORDS; `-` is standard input), after comparing it with the text itself. Prints what --signatures takes. For a policy\n"
    "that ends, FILE.yaml is `-`.\n";
static const char check_usage[] =
    "anjuctl policy check FILE.yaml… [--catalogue FOLDER]: all that is wrong with policy files, at file:line:column; exit 0 when nothing "
    "is.\n"
    "FOLDER has the record types that rules speak of (default: /usr/share/anju/catalogue, or deploy/catalogue here).\n";

static int say(const char *what, const char *why) {
    fprintf(stderr, "anjuctl: %s: %s\n", what, why);
    return CTL_REFUSED;
}

static bool asks_help(int argc, char **argv, const char *text) {
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            fputs(text, stdout);
            return true;
        }
    return false;
}

/* ---- keys */

int policy_keygen(int argc, char **argv) {
    uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    CLEANUP(buffer_close) struct buffer text = {0}, shown = {0};
    if (asks_help(argc, argv, keygen_usage))
        return CTL_GOOD;
    if (argc != 1) {
        fputs(keygen_usage, stderr);
        return CTL_USAGE;
    }
    if (sodium_init() < 0)
        return say(argv[0], "the library for keys does not start");
    crypto_sign_keypair(public, secret);
    buffer_text(&text, key_magic);
    hex_encode(bytes_of(secret, sizeof secret), &text);
    buffer_text(&text, "\n");
    int fd = open(argv[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    int wrong = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !good)
        unlink(argv[0]);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(text.at, text.len);
    if (!good)
        return say(argv[0], wrong == EEXIST ? "there is a file already; a key is never written over another" : strerror(wrong));
    hex_encode(bytes_of(public, sizeof public), &shown);
    printf("%s\n", buffer_string(&shown));
    return CTL_GOOD;
}

static const char *load_key(const char *path, uint8_t secret[crypto_sign_SECRETKEYBYTES]) {
    CLEANUP(buffer_close) struct buffer text = {0}, key = {0};
    struct stat st;
    size_t head = sizeof key_magic - 1, hex = (size_t)2 * crypto_sign_SECRETKEYBYTES;
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return "others may read this key: chmod 600";
    int r = file_read(path, 4096, &text);
    if (r != 0)
        return strerror(-r);
    bool good = text.len == head + hex + 1 && memcmp(text.at, key_magic, head) == 0 && hex_decode((const char *)text.at + head, hex, &key);
    if (good)
        memcpy(secret, key.at, crypto_sign_SECRETKEYBYTES);
    sodium_memzero(text.at, text.len);
    sodium_memzero(key.at, key.len);
    return good ? NULL : "no policy key, or damaged: put back its copy";
}

/* ---- signing: the words are lines of JSON from the hub; each is compared with the text, and shown */

static int sign_one(const char *words, struct bytes text, const uint8_t secret[crypto_sign_SECRETKEYBYTES], unsigned n) {
    CLEANUP(buffer_close) struct buffer ends = {0}, out = {0};
    uint8_t signature[crypto_sign_BYTES];
    struct hash h = hash_of(text);
    size_t len = strlen(words);
    hex_encode(bytes_of(h.b, sizeof h.b), &ends);
    buffer_format(&ends, " %zu\n", text.len);
    if (strncmp(words, "anju-policy-2\n", 14) != 0 || len < ends.len || memcmp(words + len - ends.len, ends.at, ends.len) != 0)
        return say("words", "they are not of this file's text: make the draft again from it");
    fprintf(stderr, "%u. signs:\n%s\n", n, words);
    crypto_sign_detached(signature, NULL, (const unsigned char *)words, len, secret);
    hex_encode(bytes_of(secret + 32, 32), &out); /* libsodium keeps the public half there */
    hex_encode(bytes_of(signature, sizeof signature), &out);
    printf("%s%s", n == 1 ? "" : ",", buffer_string(&out));
    return CTL_GOOD;
}

static int sign_lines(FILE *in, struct bytes text, const uint8_t *secret) {
    char *line = NULL;
    size_t room = 0;
    unsigned n = 0;
    int r = CTL_GOOD;
    while (r == CTL_GOOD && getline(&line, &room, in) > 0) {
        json_t *row = json_loads(line, 0, NULL);
        const char *words = json_string_value(json_object_get(row, "words"));
        if (words == NULL)
            r = say("words", "a line of them is JSON with `words`: anjuctl -o jsonl policy publish … --draft");
        else
            r = sign_one(words, text, secret, ++n);
        json_decref(row);
    }
    free(line);
    if (r == CTL_GOOD && n == 0)
        r = say("words", "there are none");
    if (r == CTL_GOOD)
        putchar('\n');
    return r;
}

int policy_sign_words(int argc, char **argv) {
    const char *key = NULL, *plain[2] = {NULL, NULL}, *why = NULL;
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    CLEANUP(buffer_close) struct buffer text = {0};
    int n = 0, r;
    if (asks_help(argc, argv, sign_usage))
        return CTL_GOOD;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--key") == 0 && i + 1 < argc)
            key = argv[++i];
        else if (n < 2)
            plain[n++] = argv[i];
        else
            n = 3;
    if (n != 2 || key == NULL) {
        fputs(sign_usage, stderr);
        return CTL_USAGE;
    }
    if (strcmp(plain[1], "-") != 0 && (r = file_read(plain[1], LIMIT_POLICY_BYTES, &text)) != 0)
        return say(plain[1], strerror(-r));
    if (sodium_init() < 0 || (why = load_key(key, secret)) != NULL)
        return say(key, sodium_init() < 0 ? "the library for keys does not start" : why);
    FILE *in = strcmp(plain[0], "-") == 0 ? stdin : fopen(plain[0], "re");
    r = in == NULL ? say(plain[0], strerror(errno)) : sign_lines(in, buffer_bytes(&text), secret);
    if (in != NULL && in != stdin)
        fclose(in);
    sodium_memzero(secret, sizeof secret);
    return r;
}

/* ---- checking */

static int yaml_only(const struct dirent *d) {
    size_t len = strlen(d->d_name);
    return len > 5 && d->d_name[0] != '.' && strcmp(d->d_name + len - 5, ".yaml") == 0;
}

static bool load_catalogue(const char *folder, struct catalogue *k) {
    struct dirent **files = NULL;
    struct complaints c = {.count = 0};
    int n = scandir(folder, &files, yaml_only, alphasort);
    for (int i = 0; i < n; i++) {
        CLEANUP(buffer_close) struct buffer path = {0}, text = {0};
        buffer_format(&path, "%s/%s", folder, files[i]->d_name);
        if (file_read(buffer_string(&path), LIMIT_DOCUMENT_BYTES, &text) == 0)
            catalogue_add(k, buffer_string(&path), buffer_bytes(&text), &c);
        free(files[i]);
    }
    free(files);
    catalogue_finish(k, &c);
    if (c.count > 0)
        fputs(buffer_string(&c.text), stderr);
    bool good = n >= 0 && c.count == 0;
    complaints_close(&c);
    return good;
}

static unsigned check_one(const char *path, const struct catalogue *k) {
    CLEANUP(buffer_close) struct buffer text = {0};
    struct complaints c = {.count = 0};
    int r = file_read(path, LIMIT_POLICY_BYTES, &text);
    if (r != 0)
        complaints_say(
            &c, path, r == -EFBIG ? "a policy has at most 1 MiB; make several of it, each with a name of its own" : strerror(-r));
    else
        policy_document_check(path, buffer_bytes(&text), city_day((wall_ms)time(NULL) * 1000), k, &c);
    if (c.count > 0)
        fputs(buffer_string(&c.text), stderr);
    else
        printf("%s: good\n", path);
    unsigned wrong = c.count;
    complaints_close(&c);
    return wrong;
}

int policy_check(int argc, char **argv) {
    const char *folder = access("/usr/share/anju/catalogue", F_OK) == 0 ? "/usr/share/anju/catalogue" : "deploy/catalogue";
    struct catalogue k = {.types = NULL};
    unsigned wrong = 0;
    int files = 0;
    if (asks_help(argc, argv, check_usage))
        return CTL_GOOD;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--catalogue") == 0 && i + 1 < argc)
            folder = argv[++i];
        else
            argv[files++] = argv[i];
    if (files == 0) {
        fputs(check_usage, stderr);
        return CTL_USAGE;
    }
    if (!load_catalogue(folder, &k)) {
        catalogue_close(&k);
        return say(folder, "the record types that rules speak of cannot be read there; --catalogue FOLDER");
    }
    for (int i = 0; i < files; i++)
        wrong += check_one(argv[i], &k);
    catalogue_close(&k);
    return wrong == 0 ? CTL_GOOD : CTL_REFUSED;
}
