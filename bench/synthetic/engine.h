/* The synthetic engine: it speaks the Docker Engine API of any number of containers, and has none.
 *
 * One process, one thread, one epoll set. Beside its own API it answers GET /_truth with what it
 * really did, and GET /_do/ACTION/CONTAINER does what a line of a churn script does, at once.
 * All times inside are nanoseconds of `engine_now`.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECOND 1000000000LL

enum {
    CAPACITY = 12000, /* containers; the numbers in a churn script are below it */
    REQUEST_ROOM = 4096,
    CYCLES_KEPT = 8192, /* durations of sweeps of which the median is told */
    GO_BUFFER = 4096,   /* bytes that net/http gathers before it writes */
};

enum pace { SPREAD, BURST, MOBY, FLOOD };

struct settings {
    const char *unix_path, *tcp, *templates, *churn, *api, *release;
    int containers, active, queue;
    double rate, seconds, sweep_cost, penalty; /* per second, s, ms, ms */
    uint64_t seed;
    enum pace pace;
};

/* Bytes that grow at their end. */
struct text {
    char *bytes;
    size_t length, room;
};

enum state { ABSENT, CREATED, RUNNING, EXITED };

struct container {
    int number, generation, lives, exit_code;
    enum state state;
    bool active;        /* do its own counters move? */
    int64_t weight;     /* eighths of the template's speed at which they do */
    int64_t made, life_began, life_ended;
};

/* What the collector saw at one moment; it is written out only when the socket has room. */
struct sample {
    int64_t at, moved; /* `moved` is the time by which its counters have moved in this life */
    bool running, first_life;
};

enum conduct { SENDING, STALLED, ENDLESS, ENDING };

struct stream {
    struct container *container;
    enum conduct conduct;
    bool once;            /* stream=false: the second sample is the whole reply */
    bool event_under_way; /* the unsent bytes of the connection end with an event */
    int place;            /* in the engine's list of streams */
    struct sample previous;
    bool has_previous;
    struct sample *queue; /* a ring of --queue samples, made when it is first needed */
    int first, waiting;
    uint64_t sent, skipped;
    int64_t backlog_max;
};

enum role { ASKING, STATS, EVENTS };

struct connection {
    int fd;
    enum role role;
    bool armed; /* epoll is asked when it can be written to */
    char request[REQUEST_ROOM];
    size_t asked;
    struct text unsent;
    size_t unsent_from;
    struct stream stream;
};

struct sweep {
    int64_t began, last_start;
    int place;  /* the stream that comes next */
    bool given; /* has this sweep sent anything? */
};

struct truth {
    uint64_t sent, skipped, bytes, requests, cycles;
    int64_t backlog_max, cycle_max;
    int64_t cycle_lengths[CYCLES_KEPT]; /* a ring: `measured` says how many ever came */
    uint64_t measured;
};

enum slot_kind { NOW, BEFORE, HOST_NOW, HOST_BEFORE, LEVEL, READ, PREREAD, NAME, ID };

/* A piece of a template that is written anew for each event, always as wide. */
struct slot {
    enum slot_kind kind;
    size_t offset, width;
    uint64_t base, speed; /* of a LEVEL: its lowest value and its range */
};

/* A whole chunk: its size, the event, its line's end. Slots are written in place. */
struct pattern {
    char *chunk;
    size_t length, body, body_length;
    struct slot *slots;
    int slot_count;
};

struct templates {
    int cgroup, cpus;
    uint64_t memory;
    struct pattern running, stopping, stopped; /* `stopping` has the last real values as precpu */
};

struct churn_line;

struct engine {
    struct settings settings;
    int epoll, listeners[2], listener_count;
    int64_t started, wall; /* of the monotonic and of the real clock */
    struct container *containers;
    struct connection **by_fd;
    int fd_limit;
    struct connection **streams; /* those that left are NULL until the next sweep */
    int stream_count, stream_room, streams_open;
    struct sweep sweep;
    struct truth truth;
    struct templates templates;
    struct churn_line *churn;
    int churn_count, churn_next;
};

/* engine.c */
int64_t engine_now(const struct engine *engine);
_Noreturn void refuse(const char *sentence, ...) __attribute__((format(printf, 1, 2)));

/* text.c */
void text_bytes(struct text *text, const char *bytes, size_t length);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_moment(struct text *text, int64_t wall_ns);
void *allocated(void *old, size_t count, size_t size);
uint64_t scattered(uint64_t value);

/* container.c */
void containers_make(struct engine *engine);
struct container *container_named(struct engine *engine, const char *word);
void container_id(const struct container *container, char id[65]);
void container_listed(const struct engine *engine, const struct container *container, bool sizes,
                      struct text *out);
void container_inspected(const struct engine *engine, const struct container *container,
                         struct text *out);
void container_told(struct engine *engine, const struct container *container, const char *action);

/* sample.c */
void templates_read(struct engine *engine);
struct sample sample_taken(const struct engine *engine, const struct container *container);
const struct pattern *sample_written(struct engine *engine, const struct container *container,
                                     const struct sample *now, const struct sample *before);

/* connection.c: what answers false found the connection broken, and the caller drops it. */
void connection_accept(struct engine *engine, int listener);
bool connection_read(struct engine *engine, struct connection *connection);
bool connection_send(struct engine *engine, struct connection *connection, const char *bytes,
                     size_t length);
bool connection_flush(struct engine *engine, struct connection *connection);
void connection_drop(struct engine *engine, struct connection *connection);

/* stream.c */
void stream_begin(struct engine *engine, struct connection *connection,
                  struct container *container, bool once);
void stream_leave(struct engine *engine, struct connection *connection);
bool stream_publish(struct engine *engine, struct connection *connection, bool *skipped);
bool stream_write_queued(struct engine *engine, struct connection *connection);
bool stream_end(struct engine *engine, struct connection *connection);
bool stream_cut(struct engine *engine, struct connection *connection);
int64_t stream_backlog(struct connection *connection, const struct engine *engine);

/* request.c */
bool request_answer(struct engine *engine, struct connection *connection, char *request);
bool json_answer(struct engine *engine, struct connection *connection, int status,
                 const struct text *body);

/* sweep.c */
int64_t sweep_due(const struct engine *engine);
void sweep_run(struct engine *engine);

/* churn.c */
void churn_read(struct engine *engine);
int64_t churn_due(const struct engine *engine);
void churn_run(struct engine *engine);
bool churn_do(struct engine *engine, const char *action, const char *word);
bool churn_knows(const char *action);

/* truth.c */
void truth_told(struct engine *engine, bool streams, struct text *out);

#endif
