/* What the engine really did, for those who measure a client by it. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine.h"

static int by_length(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static double median_cycle(const struct truth *truth) {
    int64_t sorted[CYCLES_KEPT];
    size_t count = truth->measured < CYCLES_KEPT ? truth->measured : CYCLES_KEPT;
    if (count == 0) {
        return 0;
    }
    memcpy(sorted, truth->cycle_lengths, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_length);
    return (double)sorted[count / 2] / SECOND;
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void add_streams(struct engine *engine, struct text *out) {
    const char *comma = "";
    char id[65];
    text_add(out, ",\"streams\":[");
    for (int place = 0; place < engine->stream_count; place++) {
        struct connection *one = engine->streams[place];
        if (one == NULL) {
            continue;
        }
        const struct stream *stream = &one->stream;
        container_id(stream->container, id);
        text_add(out,
                 "%s{\"id\":\"%s\",\"sent\":%llu,\"skipped\":%llu,\"backlog\":%lld,"
                 "\"backlog_max\":%lld}",
                 comma, id, (unsigned long long)stream->sent, (unsigned long long)stream->skipped,
                 (long long)stream_backlog(one, engine), (long long)stream->backlog_max);
        comma = ",";
    }
    text_add(out, "]");
}

void truth_told(struct engine *engine, bool streams, struct text *out) {
    const struct truth *truth = &engine->truth;
    text_add(out, "{\"sent\":%llu,\"skipped\":%llu,\"bytes\":%llu,\"streams_open\":%d,",
             (unsigned long long)truth->sent, (unsigned long long)truth->skipped,
             (unsigned long long)truth->bytes, engine->streams_open);
    text_add(out, "\"requests\":%llu,\"cycles\":%llu,", (unsigned long long)truth->requests,
             (unsigned long long)truth->cycles);
    text_add(out, "\"cycle_seconds\":{\"median\":%.6f,\"max\":%.6f},\"backlog_max\":%lld,",
             median_cycle(truth), (double)truth->cycle_max / SECOND,
             (long long)truth->backlog_max);
    text_add(out, "\"cpu_seconds\":%.6f", cpu_seconds());
    if (streams) {
        add_streams(engine, out);
    }
    text_add(out, "}");
}
