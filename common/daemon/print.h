/* Rows of an answer on a terminal or for a program. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum print_form { PRINT_TABLE, PRINT_JSON, PRINT_JSONL, PRINT_NAME };

struct print {
    enum print_form form;
    const char *columns; /* borrows; space-separated; "" = one object */
    bool no_header;
    FILE *out;    /* borrows; NULL: standard output */
    json_t *rows; /* owns */
};

bool print_form_parse(const char *text, enum print_form *out);
void print_row(void *print, const json_t *row); /* collects, or prints at once where the form allows */
void print_end(struct print *p);                /* prints the rest and frees */
