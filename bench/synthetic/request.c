/* Requests: which page is asked for, and the answer. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "engine.h"

static const char *reason(int status) {
    return status == 200 ? "OK" : status == 404 ? "Not Found" : "Bad Request";
}

static void add_head(const struct engine *engine, int status, const char *type, struct text *out) {
    char date[40];
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    text_add(out,
             "HTTP/1.1 %d %s\r\nApi-Version: %s\r\nContent-Type: %s\r\n"
             "Docker-Experimental: false\r\nOstype: linux\r\nServer: Docker/%s (linux)\r\n"
             "Date: %s\r\n",
             status, reason(status), engine->settings.api, type, engine->settings.release, date);
}

static bool answer(struct engine *engine, struct connection *connection, int status,
                   const char *type, const struct text *body) {
    struct text whole = {0};
    bool bodiless = strncmp(connection->request, "HEAD ", 5) == 0;
    add_head(engine, status, type, &whole);
    text_add(&whole, "Content-Length: %zu\r\n\r\n", body->length);
    text_bytes(&whole, body->bytes, bodiless ? 0 : body->length);
    bool sent = connection_send(engine, connection, whole.bytes, whole.length);
    free(whole.bytes);
    return sent;
}

bool json_answer(struct engine *engine, struct connection *connection, int status,
                 const struct text *body) {
    return answer(engine, connection, status, "application/json", body);
}

/* Sends the text and frees it. */
static bool page(struct engine *engine, struct connection *connection, int status,
                 struct text *body) {
    text_add(body, "\n");
    bool sent = json_answer(engine, connection, status, body);
    free(body->bytes);
    return sent;
}

static bool missing(struct engine *engine, struct connection *connection, const char *what) {
    struct text body = {0};
    text_add(&body, "{\"message\":\"%s\"}", what);
    return page(engine, connection, 404, &body);
}

static bool begin_chunks(struct engine *engine, struct connection *connection) {
    struct text head = {0};
    add_head(engine, 200, "application/json", &head);
    text_add(&head, "Transfer-Encoding: chunked\r\n\r\n");
    bool sent = connection_send(engine, connection, head.bytes, head.length);
    free(head.bytes);
    return sent;
}

/* A parameter as Docker reads booleans; `otherwise` where it is not given. */
static bool asked_for(const char *query, const char *name, bool otherwise) {
    static const char *const NO[] = {"", "0", "no", "false", "none"};
    size_t length = strlen(name);
    for (const char *at = query; at && *at; at = strchr(at, '&'), at = at ? at + 1 : NULL) {
        if (strncmp(at, name, length) != 0 || at[length] != '=') {
            continue;
        }
        const char *value = at + length + 1;
        size_t end = strcspn(value, "&");
        for (size_t index = 0; index < sizeof NO / sizeof *NO; index++) {
            if (strlen(NO[index]) == end && strncasecmp(value, NO[index], end) == 0) {
                return false;
            }
        }
        return true;
    }
    return otherwise;
}

static bool version_page(struct engine *engine, struct connection *connection) {
    struct text body = {0};
    text_add(&body,
             "{\"Platform\":{\"Name\":\"\"},\"Components\":[{\"Name\":\"Engine\","
             "\"Version\":\"%s\",\"Details\":{\"ApiVersion\":\"%s\",\"Os\":\"linux\"}}],"
             "\"Version\":\"%s\",\"ApiVersion\":\"%s\",\"MinAPIVersion\":\"1.12\","
             "\"GitCommit\":\"\",\"GoVersion\":\"\",\"Os\":\"linux\",\"Arch\":\"amd64\","
             "\"KernelVersion\":\"6.1.0\"}",
             engine->settings.release, engine->settings.api, engine->settings.release,
             engine->settings.api);
    return page(engine, connection, 200, &body);
}

static bool info_page(struct engine *engine, struct connection *connection) {
    int running = 0, stopped = 0;
    struct text body = {0};
    for (int number = 0; number < CAPACITY; number++) {
        enum state state = engine->containers[number].state;
        running += state == RUNNING;
        stopped += state == EXITED || state == CREATED;
    }
    text_add(&body,
             "{\"ID\":\"SYNT:HETI:CENG:INE0\",\"Containers\":%d,\"ContainersRunning\":%d,"
             "\"ContainersPaused\":0,\"ContainersStopped\":%d,\"Images\":1,\"Driver\":\"overlay2\","
             "\"MemoryLimit\":true,\"SwapLimit\":true,\"CgroupDriver\":\"cgroupfs\","
             "\"CgroupVersion\":\"%d\",\"KernelVersion\":\"6.1.0\",\"OSType\":\"linux\","
             "\"OperatingSystem\":\"Synthetic\",\"Architecture\":\"x86_64\",\"NCPU\":%d,",
             running + stopped, running, stopped, engine->templates.cgroup,
             engine->templates.cpus);
    text_add(&body,
             "\"MemTotal\":%llu,\"DockerRootDir\":\"/var/lib/docker\",\"Name\":\"synthetic\","
             "\"Labels\":[],\"ServerVersion\":\"%s\",\"Swarm\":{\"NodeID\":\"\","
             "\"LocalNodeState\":\"inactive\"},\"Warnings\":null}",
             (unsigned long long)engine->templates.memory, engine->settings.release);
    return page(engine, connection, 200, &body);
}

static bool disk_use_page(struct engine *engine, struct connection *connection) {
    struct text body = {0};
    text_add(&body, "{\"LayersSize\":1984196,\"Images\":[{\"Id\":\"sha256:8196e0810a98\","
                    "\"RepoTags\":[\"busybox:local\"],\"SharedSize\":0,\"Size\":1984196}],"
                    "\"Containers\":[],\"Volumes\":[{\"Name\":\"data\",\"Driver\":\"local\","
                    "\"Mountpoint\":\"/var/lib/docker/volumes/data/_data\",\"Scope\":\"local\","
                    "\"UsageData\":{\"RefCount\":1,\"Size\":4096}}],\"BuildCache\":[]}");
    return page(engine, connection, 200, &body);
}

/* Filters are passed over: nobody here asks for fewer than all, or all that run. */
static bool list_page(struct engine *engine, struct connection *connection, const char *query) {
    bool all = asked_for(query, "all", false), sizes = asked_for(query, "size", false);
    struct text body = {0};
    text_add(&body, "[");
    for (int number = 0; number < CAPACITY; number++) {
        const struct container *one = &engine->containers[number];
        if (one->state == RUNNING || (all && one->state != ABSENT)) {
            text_add(&body, body.length > 1 ? "," : "");
            container_listed(engine, one, sizes, &body);
        }
    }
    text_add(&body, "]");
    return page(engine, connection, 200, &body);
}

static bool inspect_page(struct engine *engine, struct connection *connection,
                         const struct container *container) {
    struct text body = {0};
    container_inspected(engine, container, &body);
    return page(engine, connection, 200, &body);
}

static bool stats_page(struct engine *engine, struct connection *connection,
                       struct container *container, const char *query) {
    bool stream = asked_for(query, "stream", true);
    if (!stream && asked_for(query, "one-shot", false)) {
        struct sample sample = sample_taken(engine, container);
        const struct pattern *event = sample_written(engine, container, &sample, NULL);
        struct text body = {.bytes = event->chunk + event->body, .length = event->body_length};
        return json_answer(engine, connection, 200, &body);
    }
    if (stream && !begin_chunks(engine, connection)) {
        return false;
    }
    stream_begin(engine, connection, container, !stream);
    return true;
}

static bool container_page(struct engine *engine, struct connection *connection, char *word,
                           const char *query) {
    char *rest = strchr(word, '/'), said[128];
    if (rest == NULL) {
        return missing(engine, connection, "page not found");
    }
    *rest++ = 0;
    struct container *container = container_named(engine, word);
    if (container == NULL) {
        snprintf(said, sizeof said, "No such container: %.80s", word);
        return missing(engine, connection, said);
    }
    if (strcmp(rest, "json") == 0) {
        return inspect_page(engine, connection, container);
    }
    if (strcmp(rest, "stats") == 0) {
        return stats_page(engine, connection, container, query);
    }
    return missing(engine, connection, "page not found");
}

static bool events_page(struct engine *engine, struct connection *connection) {
    connection->role = EVENTS;
    return begin_chunks(engine, connection);
}

/* Our own pages, which are not counted as requests: the truth, and churn at once. */
static bool own_page(struct engine *engine, struct connection *connection, char *path,
                     const char *query) {
    struct text body = {0};
    char action[16] = "", word[80] = "";
    if (strcmp(path, "/_truth") == 0) {
        truth_told(engine, asked_for(query, "streams", false), &body);
        return page(engine, connection, 200, &body);
    }
    if (sscanf(path, "/_do/%15[a-z]/%79[a-z0-9-]", action, word) == 2 && churn_knows(action)) {
        bool done = churn_do(engine, action, word);
        text_add(&body, "{\"done\":%s}", done ? "true" : "false");
        return page(engine, connection, 200, &body);
    }
    return missing(engine, connection, "page not found");
}

static bool answer_page(struct engine *engine, struct connection *connection, char *path,
                        const char *query) {
    if (strcmp(path, "/_ping") == 0) {
        struct text body = {.bytes = "OK", .length = 2};
        return answer(engine, connection, 200, "text/plain; charset=utf-8", &body);
    }
    if (strcmp(path, "/version") == 0) {
        return version_page(engine, connection);
    }
    if (strcmp(path, "/info") == 0) {
        return info_page(engine, connection);
    }
    if (strcmp(path, "/system/df") == 0) {
        return disk_use_page(engine, connection);
    }
    if (strcmp(path, "/events") == 0) {
        return events_page(engine, connection);
    }
    if (strcmp(path, "/containers/json") == 0) {
        return list_page(engine, connection, query);
    }
    if (strncmp(path, "/containers/", 12) == 0) {
        return container_page(engine, connection, path + 12, query);
    }
    return missing(engine, connection, "page not found");
}

/* `request` is one whole head, without its last empty line. */
bool request_answer(struct engine *engine, struct connection *connection, char *request) {
    char *path = strchr(request, ' '), *end = path ? strpbrk(path + 1, " \r\n") : NULL;
    if (end == NULL || path[1] != '/') {
        return false;
    }
    *end = 0;
    path++;
    char *query = strchr(path, '?');
    if (query) {
        *query++ = 0;
    }
    if (path[1] == 'v' && path[2] >= '0' && path[2] <= '9') {
        char *page_path = strchr(path + 1, '/');
        path = page_path ? page_path : path;
    }
    if (strcmp(path, "/_truth") == 0 || strncmp(path, "/_do/", 5) == 0) {
        return own_page(engine, connection, path, query ? query : "");
    }
    engine->truth.requests++;
    return answer_page(engine, connection, path, query ? query : "");
}
