/* Stats streams, each behind a queue as moby's daemon/stats has it.
 *
 * The collector puts samples in the queue; they are encoded when the socket takes them. `precpu` is
 * therefore the sample sent before on the same stream, even when others between them were skipped.
 */
#define _GNU_SOURCE
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "engine.h"

enum { PIECE = 64 << 10 };

void stream_begin(struct engine *engine, struct connection *connection,
                  struct container *container, bool once) {
    struct sample *queue = connection->stream.queue; /* of an earlier stream on this connection */
    connection->role = STATS;
    connection->stream = (struct stream){.container = container, .once = once, .queue = queue};
    if (engine->streams_open == 0) { /* the collector sleeps while nobody listens */
        engine->stream_count = 0;
        engine->sweep = (struct sweep){.began = engine_now(engine)};
    }
    if (engine->stream_count == engine->stream_room) {
        engine->stream_room = engine->stream_room ? 2 * engine->stream_room : 64;
        engine->streams = allocated(engine->streams, (size_t)engine->stream_room,
                                    sizeof *engine->streams);
    }
    connection->stream.place = engine->stream_count;
    engine->streams[engine->stream_count++] = connection;
    engine->streams_open++;
}

/* Its place stays empty until the next sweep, so that no other stream changes its turn. */
void stream_leave(struct engine *engine, struct connection *connection) {
    if (connection->stream.conduct != ENDING) {
        engine->streams[connection->stream.place] = NULL;
        engine->streams_open--;
    }
    connection->role = ASKING;
}

static void sent(struct engine *engine, struct stream *stream) {
    stream->event_under_way = false;
    stream->sent++;
    engine->truth.sent++;
}

static bool send_event(struct engine *engine, struct connection *connection,
                       const struct sample *sample) {
    struct stream *stream = &connection->stream;
    const struct pattern *event = sample_written(engine, stream->container, sample,
                                                 stream->has_previous ? &stream->previous : NULL);
    size_t head = event->length > GO_BUFFER ? GO_BUFFER : event->length;
    stream->previous = *sample, stream->has_previous = true;
    if (!connection_send(engine, connection, event->chunk, head) ||
        (head < event->length &&
         !connection_send(engine, connection, event->chunk + head, event->length - head))) {
        return false;
    }
    stream->event_under_way = connection->unsent.length > 0;
    if (!stream->event_under_way) {
        sent(engine, stream);
    }
    return true;
}

/* The reply to stream=false: not chunked, and the connection goes on. */
static bool send_once(struct engine *engine, struct connection *connection,
                      const struct sample *sample) {
    struct stream *stream = &connection->stream;
    bool whole = stream->has_previous || !sample->running;
    const struct pattern *event = sample_written(engine, stream->container, sample,
                                                 stream->has_previous ? &stream->previous : NULL);
    struct text body = {.bytes = event->chunk + event->body, .length = event->body_length};
    stream->previous = *sample, stream->has_previous = true;
    if (!whole) {
        return true;
    }
    stream_leave(engine, connection);
    return json_answer(engine, connection, 200, &body);
}

/* Called when all unsent bytes are gone: on with what waits in the queue. */
bool stream_write_queued(struct engine *engine, struct connection *connection) {
    struct stream *stream = &connection->stream;
    if (stream->event_under_way) {
        sent(engine, stream);
    }
    while (stream->waiting > 0 && connection->unsent.length == 0) {
        struct sample next = stream->queue[stream->first];
        stream->first = (stream->first + 1) % engine->settings.queue;
        stream->waiting--;
        if (!send_event(engine, connection, &next)) {
            return false;
        }
    }
    if (stream->conduct == ENDING && connection->unsent.length == 0) {
        connection->role = ASKING;
        return connection_send(engine, connection, "0\r\n\r\n", 5);
    }
    return true;
}

static bool enqueue(struct engine *engine, struct stream *stream, const struct sample *sample) {
    int room = engine->settings.queue;
    if (stream->waiting == room) {
        stream->skipped++;
        engine->truth.skipped++;
        return false;
    }
    if (stream->queue == NULL) {
        stream->queue = allocated(NULL, (size_t)room, sizeof *stream->queue);
    }
    stream->queue[(stream->first + stream->waiting++) % room] = *sample;
    return true;
}

/* A piece of an object that has no end; only while the reader keeps up. */
static bool send_piece(struct engine *engine, struct connection *connection) {
    static char piece[PIECE + 16];
    if (connection->unsent.length > 0) {
        return true;
    }
    int head = snprintf(piece, sizeof piece, "%x\r\n", PIECE);
    memset(piece + head, 'x', PIECE);
    memcpy(piece + head + PIECE, "\r\n", 2);
    return connection_send(engine, connection, piece, (size_t)head + PIECE + 2);
}

/* In bytes; on unix sockets the kernel counts its own bookkeeping too, and tells too much. */
int64_t stream_backlog(struct connection *connection, const struct engine *engine) {
    int in_kernel = 0;
    ioctl(connection->fd, SIOCOUTQ, &in_kernel);
    size_t unsent = connection->unsent.length - connection->unsent_from;
    size_t queued = (size_t)connection->stream.waiting * engine->templates.running.length;
    return in_kernel + (int64_t)(unsent + queued);
}

static void note_backlog(struct engine *engine, struct connection *connection) {
    int64_t backlog = stream_backlog(connection, engine);
    if (backlog > connection->stream.backlog_max) {
        connection->stream.backlog_max = backlog;
    }
    if (backlog > engine->truth.backlog_max) {
        engine->truth.backlog_max = backlog;
    }
}

/* Its turn in a sweep; `skipped` says that its queue was full. */
bool stream_publish(struct engine *engine, struct connection *connection, bool *skipped) {
    struct stream *stream = &connection->stream;
    if (stream->conduct == STALLED) {
        return true;
    }
    if (stream->conduct == ENDLESS) {
        return send_piece(engine, connection);
    }
    struct sample sample = sample_taken(engine, stream->container);
    if (stream->once) {
        return send_once(engine, connection, &sample);
    }
    bool whole = true;
    if (connection->unsent.length > 0 || stream->waiting > 0) {
        *skipped = !enqueue(engine, stream, &sample);
    } else {
        whole = send_event(engine, connection, &sample);
    }
    note_backlog(engine, connection);
    return whole;
}

/* As when its container is removed: what waits, the last chunk; the connection stays open. */
bool stream_end(struct engine *engine, struct connection *connection) {
    stream_leave(engine, connection);
    if (connection->stream.once) {
        struct sample gone = {.running = false};
        const struct pattern *event =
            sample_written(engine, connection->stream.container, &gone, NULL);
        struct text body = {.bytes = event->chunk + event->body, .length = event->body_length};
        return json_answer(engine, connection, 200, &body);
    }
    connection->role = STATS;
    connection->stream.conduct = ENDING;
    return connection->unsent.length > 0 || stream_write_queued(engine, connection);
}

/* Half an event; the caller then drops the connection, and no last chunk comes. */
bool stream_cut(struct engine *engine, struct connection *connection) {
    struct sample sample = sample_taken(engine, connection->stream.container);
    const struct pattern *event =
        sample_written(engine, connection->stream.container, &sample, NULL);
    connection_send(engine, connection, event->chunk, event->length / 2);
    return false;
}
