/* Connections: requests in, bytes out, and what the kernel does not take yet. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"

void connection_accept(struct engine *engine, int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &wanted);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* as Go; fails on unix sockets */
        struct connection *made = allocated(NULL, 1, sizeof *made);
        made->fd = fd;
        engine->by_fd[fd] = made;
    }
    if (errno == EMFILE || errno == ENFILE) { /* it would be asked again and again */
        refuse("no more connections than %d are possible here.", engine->fd_limit);
    }
}

/* Answers all whole requests; one that comes while a stream runs waits for its end. */
static bool answer_whole(struct engine *engine, struct connection *connection) {
    char *end;
    while (connection->role == ASKING && (end = strstr(connection->request, "\r\n\r\n"))) {
        *end = 0;
        if (!request_answer(engine, connection, connection->request)) {
            return false;
        }
        size_t used = (size_t)(end + 4 - connection->request);
        connection->asked -= used;
        memmove(connection->request, connection->request + used, connection->asked + 1);
    }
    return true;
}

bool connection_read(struct engine *engine, struct connection *connection) {
    size_t room = REQUEST_ROOM - 1 - connection->asked;
    ssize_t got = read(connection->fd, connection->request + connection->asked, room);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    if (got <= 0) { /* closed, broken, or a request that is too long for any client we know */
        return false;
    }
    connection->asked += (size_t)got;
    connection->request[connection->asked] = 0;
    return answer_whole(engine, connection);
}

static void arm(struct engine *engine, struct connection *connection, bool wanted) {
    if (connection->armed != wanted) {
        struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0u),
                                    .data.fd = connection->fd};
        connection->armed = wanted;
        epoll_ctl(engine->epoll, EPOLL_CTL_MOD, connection->fd, &event);
    }
}

/* How many bytes the kernel took, or -1 when the other end is gone. */
static ssize_t taken(struct engine *engine, struct connection *connection, const char *bytes,
                     size_t length) {
    ssize_t took = send(connection->fd, bytes, length, MSG_NOSIGNAL);
    if (took < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    if (connection->role == STATS) {
        engine->truth.bytes += (uint64_t)took;
    }
    return took;
}

bool connection_send(struct engine *engine, struct connection *connection, const char *bytes,
                     size_t length) {
    ssize_t took = 0;
    if (connection->unsent.length == 0) {
        took = taken(engine, connection, bytes, length);
        if (took < 0) {
            return false;
        }
    }
    if ((size_t)took < length) {
        text_bytes(&connection->unsent, bytes + took, length - (size_t)took);
        arm(engine, connection, true);
    }
    return true;
}

bool connection_flush(struct engine *engine, struct connection *connection) {
    struct text *unsent = &connection->unsent;
    while (connection->unsent_from < unsent->length) {
        ssize_t took = taken(engine, connection, unsent->bytes + connection->unsent_from,
                             unsent->length - connection->unsent_from);
        if (took <= 0) {
            return took == 0;
        }
        connection->unsent_from += (size_t)took;
    }
    unsent->length = connection->unsent_from = 0;
    arm(engine, connection, false);
    return connection->role != STATS || stream_write_queued(engine, connection);
}

void connection_drop(struct engine *engine, struct connection *connection) {
    if (connection->role == STATS) {
        stream_leave(engine, connection);
    }
    close(connection->fd);
    engine->by_fd[connection->fd] = NULL;
    free(connection->unsent.bytes);
    free(connection->stream.queue);
    free(connection);
}
