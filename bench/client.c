/* The one client of every comparison: opens streams, posts events, and notes when bytes arrive.
 *
 * One thread, one epoll, next to no work for each byte, so that it is not what is measured.
 * It is driven by lines on its standard input and answers each with one line of JSON:
 *
 *   open PATH AT_ONCE SECONDS [MARK]   open every stream of the file, AT_ONCE in flight; a stream
 *                                      is open at its first body byte, or when MARK was read
 *   publish PATH rate|at_once|one_by_one NUMBER COUNT SECONDS SETTLE
 *                                      post the file's requests in turn: NUMBER a second; NUMBER
 *                                      at once; or each when all have read the one before it
 *   abandon PATH AT_ONCE MICROSECONDS  ask, then reset before the first byte, after up to so long
 *   hold SECONDS                       read what comes
 *   drain SECONDS                      wait until the server has ended every stream; say how
 *   reset | close                      leave: with RST, with FIN
 *
 * A file of streams holds `LENGTH\n` and a whole request, again and again. A file of posts holds
 * `STREAM LENGTH MARK\n` and a whole request: which stream shall read it (-1: all that are open)
 * and by which text it is recognised; MARK `-` stands for the ten @ in the request, which become a
 * number that nothing else has.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define TAIL 256          /* bytes kept of a stream, for what one read has only half of */
#define READ (64 * 1024)  /* bytes of one read */
#define MARK_SIZE 64
#define ANSWER 8192       /* bytes of an answer to a post that are looked at */
#define CONNECTIONS 256   /* posts in flight at most */
#define SECOND 1000000000LL
#define NUMBER "@@@@@@@@@@"
#define NUMBER_SIZE 10

typedef int64_t nanoseconds;

enum state { IDLE, CONNECTING, ASKED, HEADED, OPEN, ENDED, FAILED };

/* What epoll points to; the first member of everything that has a socket. */
struct source {
  enum { STREAM, CONNECTION, TIMER } kind;
  int fd;
  enum state state;
  const char *out;
  size_t left; /* bytes of `out` still to be written */
};

struct stream {
  struct source source;
  const char *request;
  size_t length;
  nanoseconds asked_at, first_byte_at, opened_at, ended_at, reset_at;
  int status;
  bool chunked, clean;
  char tail[TAIL];
  size_t tail_size;
  int *awaited; /* numbers of the posts that it shall read */
  int awaited_count, awaited_room;
};

struct template {
  int stream;
  char mark[MARK_SIZE];
  char *request, *number;
  size_t length;
};

struct post {
  const struct template *template;
  char mark[MARK_SIZE];
  nanoseconds written_at, acked_at, first_at, last_at;
  int missing; /* followers that have not read it */
  int status;
};

struct connection {
  struct source source;
  int post;
  char *request; /* the template's bytes with this post's number */
  size_t room;
  char *answer;
  size_t answered;
};

struct samples {
  nanoseconds *values;
  size_t count, room;
};

static int poller, timer_fd, port;
static struct source timer = {.kind = TIMER};
static struct stream *streams;
static int stream_count, stream_room, open_count, settled_count;
static struct connection connections[CONNECTIONS];
static struct template *templates;
static int template_count;
static struct post *posts;
static int post_count, post_room, answered_count, missing_count, in_flight;
static long long next_number = 1, reads, bytes_read;
static nanoseconds last_arrival;
static const char *open_mark = "";
static struct samples latencies, firsts, lasts, acks;

static void die(const char *what) {
  fprintf(stderr, "The client cannot go on: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void *grown(void *memory, size_t size) {
  void *more = realloc(memory, size);
  if (!more) die("memory");
  return more;
}

static nanoseconds clock_now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static nanoseconds now(void) { return clock_now(CLOCK_MONOTONIC); }

/* Samples and their quantiles */

static void note(struct samples *samples, nanoseconds value) {
  if (samples->count == samples->room) {
    samples->room = samples->room ? samples->room * 2 : 4096;
    samples->values = grown(samples->values, samples->room * sizeof *samples->values);
  }
  samples->values[samples->count++] = value;
}

static int by_size(const void *left, const void *right) {
  nanoseconds a = *(const nanoseconds *)left, b = *(const nanoseconds *)right;
  return (a > b) - (a < b);
}

static double quantile(const struct samples *samples, double share) {
  size_t index = (size_t)(share * (double)(samples->count - 1) + 0.5);
  return (double)samples->values[index] / 1e6;
}

static void print_samples(const char *name, struct samples *samples) {
  if (!samples->count) {
    printf(", \"%s\": null", name);
    return;
  }
  qsort(samples->values, samples->count, sizeof *samples->values, by_size);
  printf(", \"%s\": {\"p50\": %.4f, \"p95\": %.4f, \"p99\": %.4f, \"max\": %.4f}", name,
         quantile(samples, 0.5), quantile(samples, 0.95), quantile(samples, 0.99),
         quantile(samples, 1));
  samples->count = 0;
}

/* What a measurement took of this process's core */

struct effort {
  nanoseconds wall, cpu;
};

static struct effort effort_now(void) {
  return (struct effort){now(), clock_now(CLOCK_PROCESS_CPUTIME_ID)};
}

static void print_effort(struct effort since) {
  struct effort here = effort_now();
  double wall = (double)(here.wall - since.wall);
  printf(", \"client_share\": %.4f}\n", wall > 0 ? (double)(here.cpu - since.cpu) / wall : 0.0);
  fflush(stdout);
}

/* Sockets */

static void watch(struct source *source, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(poller, operation, source->fd, &event)) die("epoll");
}

static void connect_source(struct source *source) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  source->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (source->fd < 0) die("socket");
  setsockopt(source->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  source->state = CONNECTING;
  if (connect(source->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
    die("connect");
  watch(source, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

static void close_source(struct source *source, bool abruptly) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  if (source->fd < 0) return;
  if (abruptly) setsockopt(source->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(source->fd);
  source->fd = -1;
}

/* Write what is left; true when all is written. */
static bool flush_source(struct source *source) {
  ssize_t written = send(source->fd, source->out, source->left, MSG_NOSIGNAL);
  if (written > 0) {
    source->out += written;
    source->left -= (size_t)written;
  }
  return source->left == 0;
}

/* Posts as streams read them */

static void await(struct stream *stream, int post) {
  if (stream->awaited_count == stream->awaited_room) {
    stream->awaited_room = stream->awaited_room ? stream->awaited_room * 2 : 4;
    stream->awaited =
        grown(stream->awaited, (size_t)stream->awaited_room * sizeof *stream->awaited);
  }
  stream->awaited[stream->awaited_count++] = post;
  posts[post].missing++;
  missing_count++;
}

static void arrived(struct post *post, nanoseconds at) {
  if (!post->first_at) post->first_at = at;
  post->last_at = at;
  last_arrival = at;
  note(&latencies, at - post->written_at);
  missing_count--;
  if (--post->missing == 0 && post->template->stream < 0) {
    note(&firsts, post->first_at - post->written_at);
    note(&lasts, post->last_at - post->written_at);
  }
}

static void look_for_posts(struct stream *stream, const char *bytes, size_t size, nanoseconds at) {
  for (int i = 0; i < stream->awaited_count;) {
    struct post *post = &posts[stream->awaited[i]];
    if (memmem(bytes, size, post->mark, strlen(post->mark))) {
      memmove(&stream->awaited[i], &stream->awaited[i + 1],
              (size_t)(--stream->awaited_count - i) * sizeof *stream->awaited);
      arrived(post, at);
    } else {
      i++;
    }
  }
}

/* Streams */

static void settle(struct stream *stream, enum state state, nanoseconds at, bool abruptly) {
  if (stream->source.state == OPEN) open_count--;
  if (stream->source.state < OPEN) settled_count++;
  stream->source.state = state;
  stream->ended_at = at;
  close_source(&stream->source, abruptly);
}

static void opened(struct stream *stream, nanoseconds at) {
  stream->source.state = OPEN;
  stream->opened_at = at;
  open_count++;
  settled_count++;
  note(&latencies, at - stream->asked_at);
}

/* Read as much of the head as has come; return its size when it is whole. */
static size_t read_head(struct stream *stream, char *bytes, size_t size) {
  char *end = memmem(bytes, size, "\r\n\r\n", 4);
  if (end) end[3] = '\0'; /* the last line break, which nobody needs */
  if (!stream->status && size > 12) stream->status = atoi(bytes + 9);
  if (strcasestr(bytes, "transfer-encoding: chunked")) stream->chunked = true;
  if (!end) return 0;
  stream->source.state = HEADED;
  return (size_t)(end + 4 - bytes);
}

static void read_body(struct stream *stream, const char *bytes, size_t size, nanoseconds at) {
  if (!size) return;
  if (!stream->first_byte_at) {
    stream->first_byte_at = at;
    note(&firsts, at - stream->asked_at);
  }
  if (stream->source.state == HEADED && memmem(bytes, size, open_mark, strlen(open_mark)))
    opened(stream, at);
  if (stream->awaited_count) look_for_posts(stream, bytes, size, at);
  if (stream->chunked && size >= 7 && !memcmp(bytes + size - 7, "\r\n0\r\n\r\n", 7)) {
    stream->clean = true;
    settle(stream, ENDED, at, false);
  }
}

static void keep_tail(struct stream *stream, const char *bytes, size_t size) {
  stream->tail_size = size < TAIL ? size : TAIL;
  memcpy(stream->tail, bytes + size - stream->tail_size, stream->tail_size);
}

static void take_in(struct stream *stream, char *bytes, size_t size, nanoseconds at) {
  size_t head = 0;
  if (stream->source.state == ASKED) {
    head = read_head(stream, bytes, size);
    if (stream->status && stream->status != 200) {
      settle(stream, FAILED, at, true);
      return;
    }
  }
  if (stream->source.state != ASKED) read_body(stream, bytes + head, size - head, at);
  if (stream->source.fd >= 0) keep_tail(stream, bytes + head, size - head);
}

static void read_stream(struct stream *stream) {
  static char buffer[TAIL + READ + 1];
  memcpy(buffer, stream->tail, stream->tail_size);
  ssize_t size = recv(stream->source.fd, buffer + stream->tail_size, READ, 0);
  nanoseconds at = now();
  if (size > 0) {
    reads++;
    bytes_read += size;
    buffer[stream->tail_size + (size_t)size] = '\0';
    take_in(stream, buffer, stream->tail_size + (size_t)size, at);
  } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
    stream->clean = size == 0 && stream->source.state == OPEN && !stream->chunked;
    settle(stream, stream->source.state == OPEN ? ENDED : FAILED, at, false);
  }
}

static void write_stream(struct stream *stream) {
  if (!flush_source(&stream->source)) return;
  watch(&stream->source, EPOLLIN, EPOLL_CTL_MOD);
  stream->source.state = ASKED;
  if (stream->reset_at) stream->reset_at += now();
}

static void start_stream(struct stream *stream) {
  stream->source.out = stream->request;
  stream->source.left = stream->length;
  stream->asked_at = now();
  connect_source(&stream->source);
}

/* Connections for posts */

static void answered(struct connection *connection, int status, nanoseconds at) {
  struct post *post = &posts[connection->post];
  post->status = status;
  post->acked_at = at;
  if (status >= 200 && status < 300) note(&acks, at - post->written_at);
  last_arrival = at;
  answered_count++;
  in_flight--;
}

static void hang_up(struct connection *connection) {
  bool busy = connection->source.state == ASKED;
  close_source(&connection->source, false);
  connection->source.state = IDLE;
  if (busy) answered(connection, -1, now());
}

static bool is_whole(const char *answer, size_t size, const char *body) {
  const char *length = strcasestr(answer, "content-length:");
  if (length && length < body) return answer + size >= body + atoi(length + 15);
  if (strcasestr(answer, "transfer-encoding: chunked"))
    return size >= 5 && !memcmp(answer + size - 5, "0\r\n\r\n", 5);
  return true;
}

static void read_answer(struct connection *connection) {
  size_t room = ANSWER - 1 - connection->answered;
  ssize_t size = recv(connection->source.fd, connection->answer + connection->answered, room, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0 || connection->source.state != ASKED) {
    hang_up(connection);
    return;
  }
  connection->answered += (size_t)size;
  connection->answer[connection->answered] = '\0';
  char *body = strstr(connection->answer, "\r\n\r\n");
  if (!body || !is_whole(connection->answer, connection->answered, body + 4)) return;
  bool last = strcasestr(connection->answer, "connection: close") != NULL;
  connection->source.state = OPEN;
  answered(connection, atoi(connection->answer + 9), now());
  if (last) hang_up(connection);
}

static void write_post(struct connection *connection) {
  if (connection->source.state == CONNECTING) connection->source.state = OPEN;
  if (connection->source.state == OPEN) watch(&connection->source, EPOLLIN, EPOLL_CTL_MOD);
  if (connection->source.state == ASKED && flush_source(&connection->source))
    watch(&connection->source, EPOLLIN, EPOLL_CTL_MOD);
}

/* The loop */

static void handle(struct epoll_event *event) {
  struct source *source = event->data.ptr;
  if (source->kind == TIMER) {
    uint64_t expirations;
    if (read(timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN) die("timer");
    return;
  }
  if (source->fd < 0) return; /* closed by an event before it */
  bool writable = event->events & EPOLLOUT;
  bool readable = event->events & (EPOLLIN | EPOLLERR | EPOLLHUP);
  if (source->kind == STREAM) {
    if (writable && source->state == CONNECTING && !(event->events & EPOLLERR))
      write_stream((struct stream *)source);
    if (readable && source->fd >= 0) read_stream((struct stream *)source);
  } else {
    if (writable && !(event->events & EPOLLERR)) write_post((struct connection *)source);
    if (readable && source->fd >= 0) read_answer((struct connection *)source);
  }
}

/* Wait for something to happen, until the time at the latest, and see to it. */
static void turn(nanoseconds until) {
  static struct epoll_event events[1024];
  nanoseconds at = until > 1 ? until : 1;
  struct itimerspec alarm = {.it_value = {at / SECOND, at % SECOND}};
  timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &alarm, NULL);
  int count = epoll_wait(poller, events, 1024, -1);
  for (int i = 0; i < count; i++) handle(&events[i]);
}

/* Files of requests */

static char *contents(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) die(path);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = grown(NULL, *size + 1);
  if (fread(bytes, 1, *size, file) != *size) die(path);
  bytes[*size] = '\0';
  fclose(file);
  return bytes;
}

static int load_streams(const char *path) {
  size_t size;
  char *at = contents(path, &size), *end = at + size;
  int first = stream_count;
  while (at < end) {
    if (stream_count == stream_room) die("more streams than there is room for");
    struct stream *stream = &streams[stream_count++];
    *stream = (struct stream){.source = {.kind = STREAM, .fd = -1}};
    stream->length = strtoul(at, &at, 10);
    stream->request = ++at;
    at += stream->length;
  }
  return first;
}

static void load_posts(const char *path) {
  size_t size;
  char *at = contents(path, &size), *end = at + size;
  for (template_count = 0; at < end; template_count++) {
    templates = grown(templates, (size_t)(template_count + 1) * sizeof *templates);
    struct template *template = &templates[template_count];
    template->stream = (int)strtol(at, &at, 10);
    template->length = strtoul(at, &at, 10);
    char *line_end = strchr(++at, '\n');
    snprintf(template->mark, MARK_SIZE, "%.*s", (int)(line_end - at), at);
    template->request = line_end + 1;
    template->number = memmem(template->request, template->length, NUMBER, NUMBER_SIZE);
    at = template->request + template->length;
  }
}

/* Commands */

static void print_refusals(int first) {
  int refused = 0, status = 0;
  for (int i = first; i < stream_count; i++) {
    bool fell = streams[i].source.state == FAILED && streams[i].status;
    refused += fell;
    if (fell) status = streams[i].status;
  }
  printf(", \"refused\": %d, \"refused_status\": %d", refused, status);
}

static void command_open(const char *path, int at_once, double seconds) {
  int first = load_streams(path), started = first, before = open_count;
  settled_count = first;
  struct effort effort = effort_now();
  nanoseconds until = effort.wall + (nanoseconds)(seconds * 1e9);
  while (settled_count < stream_count && now() < until) {
    while (started < stream_count && started - settled_count < at_once)
      start_stream(&streams[started++]);
    turn(until);
  }
  double took = (double)(now() - effort.wall) / 1e9;
  printf("{\"asked\": %d, \"open\": %d, \"seconds\": %.4f, \"per_second\": %.2f",
         stream_count - first, open_count - before, took, (open_count - before) / took);
  print_refusals(first);
  print_samples("open_ms", &latencies);
  print_samples("first_byte_ms", &firsts);
  print_effort(effort);
}

/* Return a connection that stands and is free; begin one more, and return none, where none is. */
static struct connection *free_connection(void) {
  struct connection *closed = NULL;
  bool one_comes = false;
  for (int i = 0; i < CONNECTIONS; i++) {
    if (connections[i].source.state == OPEN) return &connections[i];
    if (connections[i].source.state == IDLE && !closed) closed = &connections[i];
    one_comes |= connections[i].source.state == CONNECTING;
  }
  if (closed && !one_comes) connect_source(&closed->source);
  return NULL;
}

/* Have so many connections stand before the clock starts. */
static void prepare_connections(int count) {
  nanoseconds until = now() + 5 * SECOND;
  for (int i = 0; i < count; i++)
    if (connections[i].source.fd < 0) connect_source(&connections[i].source);
  bool waiting = true;
  while (waiting && now() < until) {
    waiting = false;
    for (int i = 0; i < count; i++) waiting |= connections[i].source.state == CONNECTING;
    if (waiting) turn(until);
  }
}

static void fill_in(struct connection *connection, struct post *post) {
  const struct template *template = post->template;
  if (connection->room < template->length) {
    connection->room = template->length;
    connection->request = grown(connection->request, connection->room);
  }
  memcpy(connection->request, template->request, template->length);
  snprintf(post->mark, MARK_SIZE, "@%09lld", next_number++ % SECOND);
  if (template->number)
    memcpy(connection->request + (template->number - template->request), post->mark, NUMBER_SIZE);
  if (strcmp(template->mark, "-")) strcpy(post->mark, template->mark);
}

static struct post *new_post(void) {
  if (post_count == post_room) {
    post_room = post_room ? post_room * 2 : 4096;
    posts = grown(posts, (size_t)post_room * sizeof *posts);
  }
  posts[post_count] = (struct post){.template = &templates[post_count % template_count]};
  return &posts[post_count++];
}

static void expect(int index) {
  int only = posts[index].template->stream;
  int end = only < 0 || only >= stream_count ? stream_count : only + 1;
  for (int i = only < 0 ? 0 : only; i < end; i++)
    if (streams[i].source.state == OPEN) await(&streams[i], index);
}

/* Send the next post on a connection that stands. */
static void send_post(struct connection *connection) {
  struct post *post = new_post();
  connection->post = post_count - 1;
  connection->answered = 0;
  fill_in(connection, post);
  expect(connection->post);
  connection->source.state = ASKED;
  connection->source.out = connection->request;
  connection->source.left = post->template->length;
  in_flight++;
  post->written_at = now();
  if (!flush_source(&connection->source))
    watch(&connection->source, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

struct plan {
  char kind[16];
  double number;
  int count;
  nanoseconds start, end, settle;
};

static bool may_start(const struct plan *plan) {
  return (!plan->count || post_count < plan->count) && now() < plan->end;
}

/* When the next post is due; in the far future while others must come to their end first. */
static nanoseconds due(const struct plan *plan) {
  if (!strcmp(plan->kind, "rate"))
    return plan->start + (nanoseconds)(post_count / plan->number * 1e9);
  if (!strcmp(plan->kind, "at_once")) return in_flight < plan->number ? 0 : INT64_MAX;
  return in_flight || missing_count ? INT64_MAX : 0;
}

static void start_posts(const struct plan *plan) {
  while (may_start(plan) && due(plan) <= now()) {
    struct connection *connection = free_connection();
    if (!connection) return;
    send_post(connection);
  }
}

static bool has_settled(const struct plan *plan) {
  if (in_flight || missing_count) return now() - last_arrival > plan->settle;
  return true;
}

static nanoseconds earlier(nanoseconds left, nanoseconds right) {
  return left < right ? left : right;
}

static void run_posts(const struct plan *plan) {
  while (may_start(plan)) {
    start_posts(plan);
    bool stuck = !strcmp(plan->kind, "one_by_one") && now() - last_arrival > plan->settle;
    if (stuck) return;
    nanoseconds wake = earlier(due(plan), plan->end);
    turn(earlier(wake <= now() ? now() + SECOND / 1000 : wake, now() + SECOND / 4));
  }
  while (!has_settled(plan)) turn(now() + SECOND / 20);
}

/* Whatever was not read in time is lost; nobody waits for it any longer. */
static void give_up_waiting(void) {
  for (int i = 0; i < stream_count; i++) streams[i].awaited_count = 0;
  for (int i = 0; i < CONNECTIONS; i++)
    if (connections[i].source.state == ASKED) hang_up(&connections[i]);
  missing_count = 0;
}

static void print_posts(const struct plan *plan) {
  int acked = 0, refused = 0, failed = 0, lost = 0, status = 0;
  nanoseconds last = plan->start;
  for (int i = 0; i < post_count; i++) {
    bool good = posts[i].status >= 200 && posts[i].status < 300;
    acked += good;
    if (good) lost += posts[i].missing;
    if (!good && posts[i].status > 0) refused++, status = posts[i].status;
    if (posts[i].status <= 0) failed++;
    if (posts[i].acked_at > last) last = posts[i].acked_at;
    if (posts[i].last_at > last) last = posts[i].last_at;
  }
  double took = (double)(last - plan->start) / 1e9;
  printf("{\"posted\": %d, \"acked\": %d, \"refused\": %d, \"refused_status\": %d", post_count,
         acked, refused, status);
  printf(", \"failed\": %d, \"lost\": %d, \"seconds\": %.4f, \"per_second\": %.2f", failed, lost,
         took, took > 0 ? acked / took : 0.0);
}

static void command_publish(const char *path, struct plan plan, double seconds, double settle) {
  load_posts(path);
  post_count = answered_count = missing_count = in_flight = 0;
  latencies.count = firsts.count = lasts.count = acks.count = 0;
  int ready = !strcmp(plan.kind, "one_by_one") ? 1 : (int)plan.number;
  prepare_connections(ready < 64 ? ready : 64);
  struct effort effort = effort_now();
  plan.start = last_arrival = effort.wall;
  plan.end = plan.start + (nanoseconds)(seconds * 1e9);
  plan.settle = (nanoseconds)(settle * 1e9);
  run_posts(&plan);
  give_up_waiting();
  print_posts(&plan);
  print_samples("latency_ms", &latencies);
  print_samples("ack_ms", &acks);
  print_samples("first_ms", &firsts);
  print_samples("last_ms", &lasts);
  print_effort(effort);
}

static nanoseconds reset_those_due(int first, int started, int *before) {
  nanoseconds next = INT64_MAX;
  for (int i = first; i < started; i++) {
    struct stream *stream = &streams[i];
    if (stream->source.fd < 0 || stream->source.state == CONNECTING) continue;
    if (stream->first_byte_at || stream->reset_at <= now()) {
      *before += !stream->first_byte_at;
      settle(stream, ENDED, now(), true);
    } else if (stream->reset_at < next) {
      next = stream->reset_at;
    }
  }
  return next;
}

static void command_abandon(const char *path, int at_once, long microseconds) {
  int first = load_streams(path), started = first, before = 0;
  struct effort effort = effort_now();
  nanoseconds until = effort.wall + 60 * SECOND;
  settled_count = first;
  while (settled_count < stream_count && now() < until) {
    while (started < stream_count && started - settled_count < at_once) {
      streams[started].reset_at = 1 + (nanoseconds)(random() % (microseconds + 1)) * 1000;
      start_stream(&streams[started++]);
    }
    nanoseconds next = reset_those_due(first, started, &before);
    if (started < stream_count || settled_count < stream_count) turn(earlier(next, until));
  }
  reset_those_due(first, started, &before); /* whose first byte came last */
  latencies.count = firsts.count = 0;
  printf("{\"asked\": %d, \"before_first_byte\": %d", stream_count - first, before);
  print_effort(effort);
}

static void command_hold(double seconds) {
  struct effort effort = effort_now();
  nanoseconds until = effort.wall + (nanoseconds)(seconds * 1e9);
  reads = bytes_read = 0;
  while (now() < until) turn(until);
  printf("{\"open\": %d, \"reads\": %lld, \"bytes\": %lld", open_count, reads, bytes_read);
  print_effort(effort);
}

static void command_drain(double seconds) {
  struct effort effort = effort_now();
  nanoseconds until = effort.wall + (nanoseconds)(seconds * 1e9), last = effort.wall;
  int clean = 0, broken = 0;
  while (open_count && now() < until) turn(until);
  for (int i = 0; i < stream_count; i++) {
    if (streams[i].source.state != ENDED) continue;
    clean += streams[i].clean;
    broken += !streams[i].clean;
    if (streams[i].ended_at > last) last = streams[i].ended_at;
  }
  printf("{\"clean\": %d, \"broken\": %d, \"open\": %d, \"seconds\": %.4f", clean, broken,
         open_count, (double)(last - effort.wall) / 1e9);
  print_effort(effort);
}

static void command_leave(bool abruptly) {
  struct effort effort = effort_now();
  int left = open_count;
  for (int i = 0; i < stream_count; i++) {
    close_source(&streams[i].source, abruptly);
    free(streams[i].awaited);
  }
  for (int i = 0; i < CONNECTIONS; i++) hang_up(&connections[i]);
  stream_count = open_count = 0;
  printf("{\"left\": %d", left);
  print_effort(effort);
}

static void obey(char *line) {
  char path[4096], mark[MARK_SIZE] = "";
  struct plan plan = {.number = 0};
  int at_once;
  long microseconds;
  double seconds, settle_for;
  line[strcspn(line, "\n")] = '\0';
  if (sscanf(line, "open %4095s %d %lf %63[^\n]", path, &at_once, &seconds, mark) >= 3) {
    open_mark = mark;
    command_open(path, at_once, seconds);
    open_mark = "";
  } else if (sscanf(line, "publish %4095s %15s %lf %d %lf %lf", path, plan.kind, &plan.number,
                    &plan.count, &seconds, &settle_for) == 6) {
    command_publish(path, plan, seconds, settle_for);
  } else if (sscanf(line, "abandon %4095s %d %ld", path, &at_once, &microseconds) == 3) {
    command_abandon(path, at_once, microseconds);
  } else if (sscanf(line, "hold %lf", &seconds) == 1) {
    command_hold(seconds);
  } else if (sscanf(line, "drain %lf", &seconds) == 1) {
    command_drain(seconds);
  } else if (!strcmp(line, "reset") || !strcmp(line, "close")) {
    command_leave(!strcmp(line, "reset"));
  } else {
    fprintf(stderr, "The client does not know: %s\n", line);
    exit(2);
  }
}

static void raise_file_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  stream_room = limit.rlim_max < 200000 ? (int)limit.rlim_max : 200000;
  streams = grown(NULL, (size_t)stream_room * sizeof *streams);
}

int main(int count, char **arguments) {
  static char line[8192];
  if (count != 2) {
    fprintf(stderr, "usage: client PORT\n");
    return 2;
  }
  port = atoi(arguments[1]);
  raise_file_limit();
  poller = epoll_create1(EPOLL_CLOEXEC);
  timer_fd = timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  watch(&timer, EPOLLIN, EPOLL_CTL_ADD);
  for (int i = 0; i < CONNECTIONS; i++) {
    connections[i].source = (struct source){.kind = CONNECTION, .fd = -1};
    connections[i].answer = grown(NULL, ANSWER);
  }
  while (fgets(line, sizeof line, stdin)) obey(line);
  return 0;
}
