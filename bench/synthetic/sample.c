/* Samples: templates made by templates.py, whose slots are written in place for each event.
 *
 * A counter is its base and its speed times the time by which its container has moved, so that the
 * numbers of one container agree with each other and with the times in `read`, whatever the pace.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"

static const char *const KINDS[] = {"now",  "before",  "hostnow", "hostbefore", "level",
                                    "read", "preread", "name",    "id"};
static const size_t WIDTHS[] = {0, 0, 0, 0, 0, 32, 32, 11, 64}; /* 0: the slot says it itself */

/* @KIND@ or @KIND:WIDTH:BASE:SPEED@ at `from`, which is moved behind it. */
static struct slot slot_read(const char *path, const char **from) {
    struct slot slot = {.offset = 0};
    char kind[16] = "";
    unsigned long long base = 0, speed = 0;
    const char *end = strchr(*from + 1, '@');
    int fields = sscanf(*from, "@%15[a-z]:%zu:%llu:%llu", kind, &slot.width, &base, &speed);
    for (size_t known = 0; end && known < sizeof KINDS / sizeof *KINDS; known++) {
        if (strcmp(kind, KINDS[known]) == 0 && fields == (WIDTHS[known] ? 1 : 4)) {
            slot.kind = (enum slot_kind)known;
            slot.width = WIDTHS[known] ? WIDTHS[known] : slot.width;
            slot.base = base, slot.speed = speed;
            *from = end + 1;
            return slot;
        }
    }
    refuse("%s has a slot that is none: %.40s", path, *from);
}

static struct pattern pattern_read(const char *path, const char *from) {
    struct pattern pattern = {0};
    struct text event = {0}, chunk = {0};
    while (*from) {
        size_t plain = strcspn(from, "@");
        text_bytes(&event, from, plain);
        from += plain;
        if (*from == '@') {
            struct slot slot = slot_read(path, &from);
            slot.offset = event.length;
            text_add(&event, "%*s", (int)slot.width, "");
            pattern.slots = allocated(pattern.slots, (size_t)pattern.slot_count + 1, sizeof slot);
            pattern.slots[pattern.slot_count++] = slot;
        }
    }
    text_add(&event, "\n");
    text_add(&chunk, "%zx\r\n", event.length);
    pattern.body = chunk.length, pattern.body_length = event.length;
    text_add(&chunk, "%.*s\r\n", (int)event.length, event.bytes);
    pattern.chunk = chunk.bytes, pattern.length = chunk.length;
    free(event.bytes);
    return pattern;
}

static void template_set(struct templates *templates, const char *path, const char *word,
                         const char *value) {
    if (strcmp(word, "cgroup") == 0) {
        templates->cgroup = atoi(value);
    } else if (strcmp(word, "cpus") == 0) {
        templates->cpus = atoi(value);
    } else if (strcmp(word, "memory") == 0) {
        templates->memory = strtoull(value, NULL, 10);
    } else if (strcmp(word, "running") == 0) {
        templates->running = pattern_read(path, value);
    } else if (strcmp(word, "stopping") == 0) {
        templates->stopping = pattern_read(path, value);
    } else if (strcmp(word, "stopped") == 0) {
        templates->stopped = pattern_read(path, value);
    } else {
        refuse("%s has a line that means nothing: %.40s", path, word);
    }
}

/* A file of lines: a word, and what it means. */
void templates_read(struct engine *engine) {
    struct templates *templates = &engine->templates;
    const char *path = engine->settings.templates;
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    if (file == NULL) {
        refuse("--templates %s cannot be read; templates.py makes such a file.", path);
    }
    while (getline(&line, &room, file) > 0) {
        size_t word = strcspn(line, " \n");
        line[strcspn(line, "\n")] = 0;
        const char *value = line[word] ? line + word + 1 : "";
        line[word] = 0;
        template_set(templates, path, line, value);
    }
    free(line);
    fclose(file);
    if (!templates->running.chunk || !templates->stopping.chunk || !templates->stopped.chunk) {
        refuse("%s lacks one of running, stopping, stopped.", path);
    }
}

struct sample sample_taken(const struct engine *engine, const struct container *container) {
    int64_t now = engine_now(engine);
    int64_t began = container->life_began > 0 ? container->life_began : 0;
    int64_t moved = container->active ? (now - began) * container->weight / 8 : 0;
    return (struct sample){.at = now,
                           .moved = moved,
                           .running = container->state == RUNNING,
                           .first_life = container->lives == 1 && container->generation == 0};
}

/* Right-aligned; JSON allows spaces before a number, but no zeros. */
static void put_number(char *slot, size_t width, uint64_t value) {
    do {
        slot[--width] = (char)('0' + value % 10);
        value /= 10;
    } while (value && width);
    memset(slot, ' ', width);
}

/* In parts, so that hours at the speed of a whole machine fit in 64 bits. */
static uint64_t travelled(int64_t time, uint64_t speed) {
    uint64_t seconds = (uint64_t)time / SECOND, rest = (uint64_t)time % SECOND;
    return seconds * speed + rest * speed / SECOND;
}

static void put_moment(char *slot, int64_t wall_ns) {
    static time_t last = -1; /* the second is the same for thousands of events */
    static char date[24];
    time_t seconds = wall_ns / SECOND;
    if (seconds != last) {
        struct tm parts;
        gmtime_r(&seconds, &parts);
        strftime(date, sizeof date, "\"%Y-%m-%dT%H:%M:%S.", &parts);
        last = seconds;
    }
    memcpy(slot, date, 21);
    uint64_t rest = (uint64_t)(wall_ns % SECOND);
    for (int digit = 29; digit > 20; digit--, rest /= 10) {
        slot[digit] = (char)('0' + rest % 10);
    }
    memcpy(slot + 30, "Z\"", 2);
}

/* A later life begins at 0, as it does in a kernel. */
static uint64_t counter(const struct slot *slot, const struct sample *sample) {
    uint64_t base = sample->first_life ? slot->base : 0;
    return base + travelled(sample->moved, slot->speed);
}

/* Levels change every few seconds, as memory does. */
static uint64_t level(const struct slot *slot, const struct sample *now, uint64_t salt) {
    uint64_t step = (uint64_t)now->moved >> 32;
    return slot->base + scattered(step ^ salt ^ (slot->offset << 20)) % slot->speed;
}

static void put_name(char *slot, const struct container *container) {
    memcpy(slot, "synth-", 6);
    for (int digit = 10, rest = container->number; digit > 5; digit--, rest /= 10) {
        slot[digit] = (char)('0' + rest % 10);
    }
}

static uint64_t value(const struct slot *slot, const struct container *container,
                      const struct sample *now, const struct sample *before) {
    switch (slot->kind) {
    case NOW:
        return counter(slot, now);
    case BEFORE:
        return before ? counter(slot, before) : 0;
    case HOST_NOW:
        return slot->base + travelled(now->at, slot->speed);
    case HOST_BEFORE:
        return before ? slot->base + travelled(before->at, slot->speed) : 0;
    default:
        return level(slot, now, (uint64_t)container->number << 40);
    }
}

/* `before` is NULL where there is no sample before, or one of what did not run. */
static void put_slot(const struct engine *engine, const struct container *container,
                     const struct slot *slot, char *at, const struct sample *now,
                     const struct sample *before) {
    char id[65];
    switch (slot->kind) {
    case READ:
        put_moment(at, engine->wall + now->at);
        break;
    case PREREAD:
        if (before) {
            put_moment(at, engine->wall + before->at);
        } else {
            memcpy(at, "\"0001-01-01T00:00:00Z\"          ", 32);
        }
        break;
    case NAME:
        put_name(at, container);
        break;
    case ID:
        container_id(container, id);
        memcpy(at, id, 64);
        break;
    default:
        put_number(at, slot->width, value(slot, container, now, before));
    }
}

/* The pattern with its slots filled; it is good until the next call. */
const struct pattern *sample_written(struct engine *engine, const struct container *container,
                                     const struct sample *now, const struct sample *before) {
    struct templates *templates = &engine->templates;
    const struct sample *real = before && before->running ? before : NULL;
    struct pattern *pattern = now->running ? &templates->running
                              : real       ? &templates->stopping
                                           : &templates->stopped;
    char *body = pattern->chunk + pattern->body;
    for (int index = 0; index < pattern->slot_count; index++) {
        const struct slot *slot = &pattern->slots[index];
        put_slot(engine, container, slot, body + slot->offset, now, real);
    }
    return pattern;
}
