/* The program: its options, its listeners, and the loop.
 *
 *   --unix PATH, --tcp 127.0.0.1:PORT    where it listens; one of them, or both
 *   --templates FILE                     the events, made by templates.py
 *   --containers N                       running from the start, up to 12000
 *   --rate R                             events a second of each stream
 *   --pace spread|burst|moby|flood       evenly; all at once; one after the other, --sweep-cost MS
 *                                        apart, then 1/R s of rest; as fast as they are read
 *   --active PERCENT                     of the containers have counters that move
 *   --queue N, --penalty MS              samples that wait for a reader; how long a full queue
 *                                        holds the sweep up before the sample is skipped
 *   --churn FILE, --seed N               see churn.c; of the numbers
 *   --api X.Y, --release X.Y.Z           the versions of the API and of Docker
 *   --seconds MAX                        it ends by itself after so long
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

static volatile sig_atomic_t told_to_end;

static void on_signal(int signal) {
    (void)signal;
    told_to_end = 1;
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

int64_t engine_now(const struct engine *engine) {
    return clock_ns(CLOCK_MONOTONIC) - engine->started;
}

/* A mistake of the user: one sentence, and the end. */
_Noreturn void refuse(const char *sentence, ...) {
    va_list arguments;
    va_start(arguments, sentence);
    fputs("synthetic engine: ", stderr);
    vfprintf(stderr, sentence, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    exit(2);
}

static const struct option OPTIONS[] = {
    {"unix", required_argument, NULL, 'u'},       {"tcp", required_argument, NULL, 't'},
    {"templates", required_argument, NULL, 'f'},  {"containers", required_argument, NULL, 'n'},
    {"rate", required_argument, NULL, 'r'},       {"pace", required_argument, NULL, 'p'},
    {"sweep-cost", required_argument, NULL, 'w'}, {"seed", required_argument, NULL, 's'},
    {"active", required_argument, NULL, 'a'},     {"seconds", required_argument, NULL, 'e'},
    {"queue", required_argument, NULL, 'q'},      {"penalty", required_argument, NULL, 'y'},
    {"churn", required_argument, NULL, 'c'},      {"api", required_argument, NULL, 'v'},
    {"release", required_argument, NULL, 'x'},
    {NULL, 0, NULL, 0},
};

static double number(const char *option, const char *text, double lowest, double highest) {
    char *end;
    double value = strtod(text, &end);
    if (*text == 0 || *end || !(value >= lowest && value <= highest)) {
        refuse("--%s takes a number from %g to %g, not %s.", option, lowest, highest, text);
    }
    return value;
}

static enum pace pace_named(const char *name) {
    static const char *const NAMES[] = {"spread", "burst", "moby", "flood"};
    for (int pace = SPREAD; pace <= FLOOD; pace++) {
        if (strcmp(name, NAMES[pace]) == 0) {
            return (enum pace)pace;
        }
    }
    refuse("--pace takes spread, burst, moby or flood, not %s.", name);
}

static void set(struct settings *settings, const struct option *option, const char *value) {
    switch (option->val) {
    case 'u': settings->unix_path = value; break;
    case 't': settings->tcp = value; break;
    case 'f': settings->templates = value; break;
    case 'c': settings->churn = value; break;
    case 'v': settings->api = value; break;
    case 'x': settings->release = value; break;
    case 'p': settings->pace = pace_named(value); break;
    case 'n': settings->containers = (int)number(option->name, value, 0, CAPACITY); break;
    case 'r': settings->rate = number(option->name, value, 0.01, 1000); break;
    case 'w': settings->sweep_cost = number(option->name, value, 0, 1000); break;
    case 's': settings->seed = (uint64_t)number(option->name, value, 0, 1e15); break;
    case 'a': settings->active = (int)number(option->name, value, 0, 100); break;
    case 'e': settings->seconds = number(option->name, value, 0.1, 86400); break;
    case 'q': settings->queue = (int)number(option->name, value, 1, 65536); break;
    case 'y': settings->penalty = number(option->name, value, 0, 60000); break;
    default: exit(2); /* getopt has said what is wrong */
    }
}

/* Queue and penalty are those of moby's publisher, the cost of a sweep that measured of 20.10. */
static struct settings settings_read(int count, char **words) {
    struct settings settings = {.api = "1.41", .release = "20.10.24", .containers = 100,
                                .active = 100, .queue = 1024, .rate = 1, .seconds = 3600,
                                .sweep_cost = 3.5, .penalty = 100};
    int at, option;
    while ((option = getopt_long(count, words, "", OPTIONS, &at)) != -1) {
        static const struct option UNKNOWN = {0};
        set(&settings, option == '?' ? &UNKNOWN : &OPTIONS[at], optarg);
    }
    if (optind < count) {
        refuse("there is no such argument: %s.", words[optind]);
    }
    if (!settings.unix_path && !settings.tcp) {
        refuse("nothing to listen on: give --unix PATH or --tcp 127.0.0.1:PORT.");
    }
    if (!settings.templates) {
        refuse("--templates FILE is needed; templates.py makes such a file.");
    }
    return settings;
}

static void listen_on(struct engine *engine, int fd, const void *address, socklen_t length,
                      const char *words) {
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
    if (bind(fd, address, length) || listen(fd, 4096) ||
        epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &wanted)) {
        refuse("cannot listen on %s: %s.", words, strerror(errno));
    }
    engine->listeners[engine->listener_count++] = fd;
}

static void listen_unix(struct engine *engine, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat old;
    if (strlen(path) >= sizeof address.sun_path) {
        refuse("the path of --unix is longer than a socket's may be: %s.", path);
    }
    strcpy(address.sun_path, path);
    if (stat(path, &old) == 0 && S_ISSOCK(old.st_mode)) {
        unlink(path); /* of one that was killed */
    }
    listen_on(engine, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), &address,
              sizeof address, path);
}

/* Whoever reaches it may change its containers, so that it is for this machine alone. */
static void listen_tcp(struct engine *engine, const char *words) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64] = "";
    int port = 0, on = 1;
    char rest;
    if (sscanf(words, "%63[^:]:%d%c", host, &port, &rest) != 2 || port < 1 || port > 65535 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        ntohl(address.sin_addr.s_addr) >> 24 != 127) {
        refuse("--tcp takes an address of loopback, as 127.0.0.1:2375, not %s.", words);
    }
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    listen_on(engine, fd, &address, sizeof address, words);
}

/* Room for two streams of each container where the system allows, and at least for one. */
static void raise_fd_limit(struct engine *engine) {
    struct rlimit limit;
    rlim_t needed = (rlim_t)engine->settings.containers + 256, wanted = 2 * needed;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < needed) {
        limit.rlim_max = needed; /* which only root may */
    }
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        refuse("%d containers need %llu open files, more than this user may have.",
               engine->settings.containers, (unsigned long long)needed);
    }
    engine->fd_limit = (int)limit.rlim_cur;
    engine->by_fd = allocated(NULL, (size_t)engine->fd_limit, sizeof *engine->by_fd);
}

static bool is_listener(const struct engine *engine, int fd) {
    return fd == engine->listeners[0] || (engine->listener_count > 1 && fd == engine->listeners[1]);
}

static void serve(struct engine *engine, const struct epoll_event *event) {
    int fd = event->data.fd;
    if (is_listener(engine, fd)) {
        connection_accept(engine, fd);
        return;
    }
    struct connection *connection = engine->by_fd[fd];
    if (connection && event->events & EPOLLOUT && !connection_flush(engine, connection)) {
        connection_drop(engine, connection);
        return;
    }
    if (connection && event->events & ~(uint32_t)EPOLLOUT && !connection_read(engine, connection)) {
        connection_drop(engine, connection);
    }
}

/* ppoll, since epoll counts in milliseconds: ten thousand streams are 100 us apart. */
static void wait_until(const struct engine *engine, int64_t due) {
    struct pollfd ready = {.fd = engine->epoll, .events = POLLIN};
    int64_t left = due - engine_now(engine);
    struct timespec time = {0, 0};
    sigset_t none;
    sigemptyset(&none);
    if (left > 0) {
        time.tv_sec = left / SECOND, time.tv_nsec = left % SECOND;
    }
    ppoll(&ready, 1, &time, &none);
}

static int64_t earliest(int64_t one, int64_t other) {
    return one < other ? one : other;
}

static void run(struct engine *engine) {
    static struct epoll_event events[512];
    int64_t end = (int64_t)(engine->settings.seconds * SECOND);
    while (!told_to_end && engine_now(engine) < end) {
        wait_until(engine, earliest(end, earliest(sweep_due(engine), churn_due(engine))));
        int count = epoll_wait(engine->epoll, events, 512, 0);
        for (int index = 0; index < count; index++) {
            serve(engine, &events[index]);
        }
        churn_run(engine);
        sweep_run(engine);
    }
}

/* Signals come only while the loop waits, and an orphan ends. */
static void prepare_process(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM), sigaddset(&handled, SIGINT);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    sigaction(SIGTERM, &action, NULL), sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1000UL); /* ns; the usual 50 us would bunch close turns */
}

int main(int count, char **words) {
    struct engine *engine = allocated(NULL, 1, sizeof *engine);
    engine->settings = settings_read(count, words);
    engine->started = clock_ns(CLOCK_MONOTONIC), engine->wall = clock_ns(CLOCK_REALTIME);
    engine->epoll = epoll_create1(EPOLL_CLOEXEC);
    raise_fd_limit(engine);
    templates_read(engine);
    containers_make(engine);
    if (engine->settings.churn) {
        churn_read(engine);
    }
    if (engine->settings.unix_path) {
        listen_unix(engine, engine->settings.unix_path);
    }
    if (engine->settings.tcp) {
        listen_tcp(engine, engine->settings.tcp);
    }
    prepare_process();
    run(engine);
    struct text truth = {0};
    truth_told(engine, false, &truth);
    printf("%.*s\n", (int)truth.length, truth.bytes);
    if (engine->settings.unix_path) {
        unlink(engine->settings.unix_path);
    }
    return 0;
}
