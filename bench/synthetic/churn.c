/* What happens to containers and to their streams: at the times of a script, or at once.
 *
 * A line is SECONDS ACTION CONTAINER. Start, stop, die, remove and create are what users do, and
 * are told as events; cut, stall, garbage and huge are what only broken engines do to a stream.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

struct churn_line {
    int64_t at;
    char action[16], word[80];
};

typedef bool change(struct engine *engine, struct container *container);
typedef bool on_stream(struct engine *engine, struct connection *connection);

static bool start(struct engine *engine, struct container *container) {
    if (container->state != CREATED && container->state != EXITED) {
        return false;
    }
    container->state = RUNNING;
    container->lives++;
    container->life_began = engine_now(engine);
    container_told(engine, container, "start");
    return true;
}

static bool end_life(struct engine *engine, struct container *container, int exit_code) {
    if (container->state != RUNNING) {
        return false;
    }
    container->state = EXITED;
    container->exit_code = exit_code;
    container->life_ended = engine_now(engine);
    container_told(engine, container, "die");
    return true;
}

static bool die(struct engine *engine, struct container *container) {
    return end_life(engine, container, 1);
}

static bool stop(struct engine *engine, struct container *container) {
    if (container->state != RUNNING) {
        return false;
    }
    container_told(engine, container, "kill");
    end_life(engine, container, 137);
    container_told(engine, container, "stop");
    return true;
}

/* Does something to each stream of the container; one for which that answers false is dropped. */
static bool to_streams(struct engine *engine, struct container *container, on_stream *what) {
    bool any = false;
    for (int place = 0; place < engine->stream_count; place++) {
        struct connection *one = engine->streams[place];
        if (one && one->stream.container == container) {
            any = true;
            if (!what(engine, one)) {
                connection_drop(engine, one);
            }
        }
    }
    return any;
}

static bool destroy(struct engine *engine, struct container *container) {
    if (container->state == ABSENT) {
        return false;
    }
    if (container->state == RUNNING) {
        container_told(engine, container, "kill");
        end_life(engine, container, 137);
    }
    to_streams(engine, container, stream_end);
    container_told(engine, container, "destroy");
    container->state = ABSENT;
    return true;
}

/* Under the name of one that was removed, with an id of its own. */
static bool create(struct engine *engine, struct container *container) {
    if (container->state != ABSENT) {
        return false;
    }
    int64_t now = engine_now(engine);
    container->generation++;
    container->state = CREATED;
    container->lives = container->exit_code = 0;
    container->made = now;
    container->life_began = container->life_ended = 0;
    container_told(engine, container, "create");
    return true;
}

static bool cut(struct engine *engine, struct container *container) {
    return to_streams(engine, container, stream_cut);
}

static bool stall_stream(struct engine *engine, struct connection *connection) {
    (void)engine;
    connection->stream.conduct = STALLED;
    connection->stream.waiting = 0;
    return true;
}

static bool stall(struct engine *engine, struct container *container) {
    return to_streams(engine, container, stall_stream);
}

static bool send_chunk(struct engine *engine, struct connection *connection, const char *body) {
    struct text chunk = {0};
    text_add(&chunk, "%zx\r\n%s\r\n", strlen(body), body);
    bool whole = connection_send(engine, connection, chunk.bytes, chunk.length);
    free(chunk.bytes);
    return whole;
}

static bool garble_stream(struct engine *engine, struct connection *connection) {
    return send_chunk(engine, connection, "<<this is no JSON>>\n");
}

static bool garbage(struct engine *engine, struct container *container) {
    return to_streams(engine, container, garble_stream);
}

static bool swell_stream(struct engine *engine, struct connection *connection) {
    connection->stream.conduct = ENDLESS;
    connection->stream.waiting = 0;
    return send_chunk(engine, connection, "{\"read\":\"");
}

static bool huge(struct engine *engine, struct container *container) {
    return to_streams(engine, container, swell_stream);
}

static const struct {
    const char *name;
    change *make;
} ACTIONS[] = {
    {"start", start},   {"stop", stop}, {"die", die},     {"remove", destroy}, {"create", create},
    {"cut", cut},       {"stall", stall}, {"garbage", garbage}, {"huge", huge},
};

enum { ACTION_COUNT = sizeof ACTIONS / sizeof *ACTIONS };

static change *action_named(const char *name) {
    for (size_t index = 0; index < ACTION_COUNT; index++) {
        if (strcmp(ACTIONS[index].name, name) == 0) {
            return ACTIONS[index].make;
        }
    }
    return NULL;
}

bool churn_knows(const char *action) {
    return action_named(action) != NULL;
}

/* A number names a container also while there is none. */
static struct container *container_meant(struct engine *engine, const char *word) {
    if (strlen(word) <= 5 && strspn(word, "0123456789") == strlen(word)) {
        unsigned long number = strtoul(word, NULL, 10);
        return number < CAPACITY ? &engine->containers[number] : NULL;
    }
    return container_named(engine, word);
}

bool churn_do(struct engine *engine, const char *action, const char *word) {
    struct container *container = container_meant(engine, word);
    return container && action_named(action)(engine, container);
}

static int by_time(const void *left, const void *right) {
    int64_t a = ((const struct churn_line *)left)->at, b = ((const struct churn_line *)right)->at;
    return (a > b) - (a < b);
}

static struct churn_line line_read(const char *path, int number, const char *text) {
    struct churn_line line;
    double seconds;
    char rest;
    if (sscanf(text, "%lf %15s %79s %c", &seconds, line.action, line.word, &rest) != 3 ||
        seconds < 0 || !churn_knows(line.action)) {
        refuse("line %d of %s is not SECONDS ACTION CONTAINER with an action that is known.",
               number, path);
    }
    line.at = (int64_t)(seconds * SECOND);
    return line;
}

void churn_read(struct engine *engine) {
    const char *path = engine->settings.churn;
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    if (file == NULL) {
        refuse("--churn %s cannot be read.", path);
    }
    for (int number = 1; getline(&text, &room, file) > 0; number++) {
        if (text[strspn(text, " \t\r\n")] == 0 || *text == '#') {
            continue;
        }
        engine->churn = allocated(engine->churn, (size_t)engine->churn_count + 1,
                                  sizeof *engine->churn);
        engine->churn[engine->churn_count++] = line_read(path, number, text);
    }
    free(text);
    fclose(file);
    qsort(engine->churn, (size_t)engine->churn_count, sizeof *engine->churn, by_time);
}

int64_t churn_due(const struct engine *engine) {
    return engine->churn_next < engine->churn_count ? engine->churn[engine->churn_next].at
                                                    : INT64_MAX;
}

void churn_run(struct engine *engine) {
    while (churn_due(engine) <= engine_now(engine)) {
        const struct churn_line *line = &engine->churn[engine->churn_next++];
        if (!churn_do(engine, line->action, line->word)) {
            fprintf(stderr, "synthetic engine: %s %s at %.3f s had nothing to do\n", line->action,
                    line->word, (double)line->at / SECOND);
        }
    }
}
