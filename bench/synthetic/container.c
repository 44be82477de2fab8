/* The containers: who they are, and how lists, inspections and events tell of them. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

static const char IMAGE[] = "busybox:local";
static const char IMAGE_ID[] =
    "sha256:8196e0810a9861d8ac68b17d74eb4abe2a7dea6bd659b70abf15d4ced9a404a3";

/* Of those that run from the start: what their counters begin with is the use of weeks. */
static const int64_t AGE = 30 * 86400 * SECOND;

static const char *const STATES[] = {"absent", "created", "running", "exited"};

/* Their shares are exact at any number of containers: every 100 / active-th one moves. */
static bool moves(int number, int percent) {
    return (number + 1) * percent / 100 > number * percent / 100;
}

void containers_make(struct engine *engine) {
    engine->containers = allocated(NULL, CAPACITY, sizeof *engine->containers);
    for (int number = 0; number < CAPACITY; number++) {
        struct container *one = &engine->containers[number];
        one->number = number;
        one->active = moves(number, engine->settings.active);
        one->weight = 4 + (int64_t)(scattered(engine->settings.seed + (uint64_t)number) % 8);
        if (number < engine->settings.containers) {
            one->state = RUNNING;
            one->lives = 1;
            one->made = one->life_began = -AGE;
        }
    }
}

/* Docker's short id, its first 12 digits, is unique too. */
void container_id(const struct container *container, char id[65]) {
    snprintf(id, 65, "%08x%04x%052d", (unsigned)container->number,
             (unsigned)container->generation & 0xffffu, 0);
}

static struct container *with_id(struct engine *engine, const char *word) {
    char digits[9] = "", id[65];
    size_t length = strlen(word);
    if (length < 12 || length > 64) {
        return NULL;
    }
    memcpy(digits, word, 8);
    unsigned long number = strtoul(digits, NULL, 16);
    if (number >= CAPACITY) {
        return NULL;
    }
    container_id(&engine->containers[number], id);
    return strncmp(id, word, length) == 0 ? &engine->containers[number] : NULL;
}

/* By name, by id or by at least 12 digits of it; NULL when there is none. */
struct container *container_named(struct engine *engine, const char *word) {
    struct container *found;
    if (strncmp(word, "synth-", 6) == 0 && strlen(word) == 11) {
        char *end;
        unsigned long number = strtoul(word + 6, &end, 10);
        found = *end == 0 && number < CAPACITY ? &engine->containers[number] : NULL;
    } else {
        found = with_id(engine, word);
    }
    return found && found->state != ABSENT ? found : NULL;
}

static void add_labels(const struct container *container, struct text *out) {
    text_add(out,
             "\"com.docker.compose.project\":\"project-%04d\","
             "\"com.docker.compose.service\":\"service-%d\"",
             container->number / 10, container->number % 10);
}

static void add_status(const struct engine *engine, const struct container *container,
                       struct text *out) {
    long long now = engine_now(engine);
    if (container->state == RUNNING) {
        text_add(out, "Up %lld seconds", (now - container->life_began) / SECOND);
    } else if (container->state == EXITED) {
        text_add(out, "Exited (%d) %lld seconds ago", container->exit_code,
                 (now - container->life_ended) / SECOND);
    } else {
        text_add(out, "Created");
    }
}

void container_listed(const struct engine *engine, const struct container *container, bool sizes,
                      struct text *out) {
    char id[65];
    container_id(container, id);
    text_add(out, "{\"Id\":\"%s\",\"Names\":[\"/synth-%05d\"],\"Image\":\"%s\",\"ImageID\":\"%s\",",
             id, container->number, IMAGE, IMAGE_ID);
    text_add(out, "\"Command\":\"sleep 100000\",\"Created\":%lld,\"Ports\":[],",
             (long long)((engine->wall + container->made) / SECOND));
    if (sizes) {
        text_add(out, "\"SizeRw\":%d,\"SizeRootFs\":1984196,", 4096 * (1 + container->number % 7));
    }
    text_add(out, "\"Labels\":{");
    add_labels(container, out);
    text_add(out, "},\"State\":\"%s\",\"Status\":\"", STATES[container->state]);
    add_status(engine, container, out);
    text_add(out, "\",\"HostConfig\":{\"NetworkMode\":\"default\"},"
                  "\"NetworkSettings\":{\"Networks\":{}},\"Mounts\":[]}");
}

/* Docker writes the year 1 for what has not been. */
static void add_moment(const struct engine *engine, const char *field, bool known, int64_t at,
                       struct text *out) {
    text_add(out, "\"%s\":\"", field);
    if (known) {
        text_moment(out, engine->wall + at);
    } else {
        text_add(out, "0001-01-01T00:00:00Z");
    }
    text_add(out, "\"");
}

static void add_state(const struct engine *engine, const struct container *container,
                      struct text *out) {
    bool running = container->state == RUNNING;
    text_add(out,
             "\"State\":{\"Status\":\"%s\",\"Running\":%s,\"Paused\":false,\"Restarting\":false,"
             "\"OOMKilled\":false,\"Dead\":false,\"Pid\":%d,\"ExitCode\":%d,\"Error\":\"\",",
             STATES[container->state], running ? "true" : "false",
             running ? 100 + container->number : 0, running ? 0 : container->exit_code);
    add_moment(engine, "StartedAt", container->lives > 0, container->life_began, out);
    text_add(out, ",");
    add_moment(engine, "FinishedAt", container->life_ended > 0, container->life_ended, out);
    text_add(out, "},");
}

void container_inspected(const struct engine *engine, const struct container *container,
                         struct text *out) {
    char id[65];
    container_id(container, id);
    text_add(out, "{\"Id\":\"%s\",", id);
    add_moment(engine, "Created", true, container->made, out);
    text_add(out, ",\"Path\":\"sleep\",\"Args\":[\"100000\"],");
    add_state(engine, container, out);
    text_add(out, "\"Image\":\"%s\",\"Name\":\"/synth-%05d\",\"RestartCount\":0,", IMAGE_ID,
             container->number);
    text_add(out,
             "\"Driver\":\"overlay2\",\"Platform\":\"linux\",\"HostConfig\":{"
             "\"NetworkMode\":\"default\",\"Memory\":%llu,\"MemorySwap\":0,\"MemoryReservation\":0,"
             "\"NanoCpus\":0,\"CpuShares\":0,\"CpuPeriod\":0,\"CpuQuota\":0,\"CpusetCpus\":\"\","
             "\"PidsLimit\":null},",
             (unsigned long long)engine->templates.memory);
    text_add(out, "\"Mounts\":[],\"Config\":{\"Image\":\"%s\",\"Tty\":false,\"Labels\":{", IMAGE);
    add_labels(container, out);
    text_add(out, "}},\"NetworkSettings\":{\"Networks\":{}}}");
}

/* One chunk to each connection that listens to events. */
void container_told(struct engine *engine, const struct container *container, const char *action) {
    struct text event = {0}, chunk = {0};
    char id[65];
    int64_t at = engine->wall + engine_now(engine);
    container_id(container, id);
    text_add(&event, "{\"status\":\"%s\",\"id\":\"%s\",\"from\":\"%s\",\"Type\":\"container\",",
             action, id, IMAGE);
    text_add(&event, "\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\",\"Attributes\":{", action, id);
    add_labels(container, &event);
    if (strcmp(action, "die") == 0) {
        text_add(&event, ",\"exitCode\":\"%d\"", container->exit_code);
    }
    text_add(&event, ",\"image\":\"%s\",\"name\":\"synth-%05d\"}},", IMAGE, container->number);
    text_add(&event, "\"scope\":\"local\",\"time\":%lld,\"timeNano\":%lld}\n",
             (long long)(at / SECOND), (long long)at);
    text_add(&chunk, "%zx\r\n%.*s\r\n", event.length, (int)event.length, event.bytes);
    for (int fd = 0; fd < engine->fd_limit; fd++) {
        struct connection *one = engine->by_fd[fd];
        bool listens = one && one->role == EVENTS;
        if (listens && !connection_send(engine, one, chunk.bytes, chunk.length)) {
            connection_drop(engine, one);
        }
    }
    free(event.bytes);
    free(chunk.bytes);
}
