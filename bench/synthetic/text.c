/* Text that grows, moments as Go writes them, and memory that is there or ends the program. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"

/* Zeroed where it is new; there is nothing sensible to do without memory. */
void *allocated(void *old, size_t count, size_t size) {
    void *made = old ? reallocarray(old, count, size) : calloc(count, size);
    if (made == NULL) {
        fputs("synthetic engine: out of memory\n", stderr);
        exit(1);
    }
    return made;
}

static void reserve(struct text *text, size_t more) {
    if (text->length + more <= text->room) {
        return;
    }
    while (text->room < text->length + more) {
        text->room = text->room ? text->room * 2 : 1024;
    }
    text->bytes = allocated(text->bytes, text->room, 1);
}

void text_bytes(struct text *text, const char *bytes, size_t length) {
    reserve(text, length);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void text_add(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    reserve(text, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

void text_moment(struct text *text, int64_t wall_ns) {
    time_t seconds = wall_ns / SECOND;
    struct tm parts;
    char date[32];
    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    text_add(text, "%s.%09lldZ", date, (long long)(wall_ns % SECOND));
}

/* splitmix64: the same seed gives the same numbers on every machine. */
uint64_t scattered(uint64_t value) {
    value += 0x9e3779b97f4a7c15ULL;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}
