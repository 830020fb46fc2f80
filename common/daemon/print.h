/* Rows of an answer on a terminal or for a program. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Table: the command's columns, and times as people read them. Wide: all fields that are no lists. CSV: the same by RFC 4180, for programs.
 */
enum print_form { PRINT_TABLE, PRINT_WIDE, PRINT_JSON, PRINT_JSONL, PRINT_CSV, PRINT_NAME };

struct print {
    enum print_form form;
    const char *columns; /* borrows; space-separated; "" = one object */
    bool no_header;
    bool zh;              /* reasons, states, yes and no in Chinese, in tables */
    bool color;           /* states and severities, in tables: the word stays what says it */
    FILE *out;            /* borrows; NULL: standard output */
    const json_t *titles; /* borrows; what tables call a field, by its name; NULL: by its name */
    json_t *rows;         /* owns */
};

bool print_form_parse(const char *text, enum print_form *out);
const char *print_state(bool zh, const char *word); /* a state as tables have it; static, or the word itself */
void print_row(void *print, const json_t *row);     /* collects, or prints at once where the form allows */
void print_end(struct print *p);                    /* prints the rest and frees */
