/* The pace: whose turn it is, and when. One sweep gives each stream one sample. */
#include "engine.h"

/* When no socket of a flood takes anything, in nanoseconds. */
enum { FLOOD_PAUSE = 1000000 };

/* From one sweep to the next; moby sleeps so long after each. */
static int64_t interval(const struct engine *engine) {
    return (int64_t)(SECOND / engine->settings.rate);
}

/* When the stream at a place has its turn in the sweep under way. */
static int64_t turn(const struct engine *engine, int place) {
    const struct sweep *sweep = &engine->sweep;
    switch (engine->settings.pace) {
    case SPREAD:
        return sweep->began + interval(engine) * place / engine->stream_count;
    case MOBY:
        return sweep->began + (int64_t)(engine->settings.sweep_cost * 1e6) * place;
    default:
        return sweep->began;
    }
}

int64_t sweep_due(const struct engine *engine) {
    return engine->streams_open ? turn(engine, engine->sweep.place) : INT64_MAX;
}

static void close_gaps(struct engine *engine) {
    int kept = 0;
    for (int place = 0; place < engine->stream_count; place++) {
        struct connection *one = engine->streams[place];
        if (one) {
            one->stream.place = kept;
            engine->streams[kept++] = one;
        }
    }
    engine->stream_count = kept;
}

static void note_cycle(struct engine *engine, int64_t now) {
    struct truth *truth = &engine->truth;
    if (engine->sweep.last_start) {
        int64_t length = now - engine->sweep.last_start;
        truth->cycle_lengths[truth->measured++ % CYCLES_KEPT] = length;
        truth->cycle_max = length > truth->cycle_max ? length : truth->cycle_max;
    }
    engine->sweep.last_start = now;
}

/* A sweep that comes too late does not make the next ones hurry. */
static void next_sweep(struct engine *engine, int64_t now) {
    struct sweep *sweep = &engine->sweep;
    engine->truth.cycles++;
    close_gaps(engine);
    sweep->place = 0;
    if (engine->settings.pace == FLOOD) {
        sweep->began = sweep->given ? now : now + FLOOD_PAUSE;
    } else if (engine->settings.pace == MOBY) {
        sweep->began = now + interval(engine);
    } else {
        sweep->began += interval(engine);
        if (now - sweep->began > interval(engine)) {
            sweep->began = now;
        }
    }
}

/* A full queue holds the whole sweep up: moby waits for room before it gives the sample up. Its own
 * sweep is a chain, too: what comes late makes all behind it late. */
static void publish(struct engine *engine, struct connection *connection, int64_t now) {
    bool skipped = false;
    if (!stream_publish(engine, connection, &skipped)) {
        connection_drop(engine, connection);
    }
    if (skipped || engine->settings.pace == MOBY) {
        int64_t held = skipped ? (int64_t)(engine->settings.penalty * 1e6) : 0;
        engine->sweep.began += now - turn(engine, engine->sweep.place) + held;
    }
}

/* A flood gives to those that take; it fills sockets, and never a queue. */
static bool takes(const struct engine *engine, const struct connection *connection) {
    return connection && (engine->settings.pace != FLOOD || connection->unsent.length == 0);
}

/* All turns that are due, of this sweep and at most of the beginning of the next. */
void sweep_run(struct engine *engine) {
    struct sweep *sweep = &engine->sweep;
    while (engine->streams_open > 0) {
        struct connection *next = engine->streams[sweep->place];
        int64_t now = engine_now(engine);
        if (turn(engine, sweep->place) > now) {
            return;
        }
        if (sweep->place == 0) {
            note_cycle(engine, now);
            sweep->given = false;
        }
        if (takes(engine, next)) {
            sweep->given = true;
            publish(engine, next, now);
        }
        if (++sweep->place >= engine->stream_count) {
            next_sweep(engine, engine_now(engine));
            return;
        }
    }
}
