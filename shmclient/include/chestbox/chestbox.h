/* ChestBox for programs that run beside their state function: the C interface of libchestbox.
 *
 * A client connects to a chestbox-server's Unix socket as any Redis client does and, where the server lets it, maps the
 * server's memory read-only. From then on chestbox_get and chestbox_read look at a state where it lies: no system call,
 * no server, and with chestbox_get no copy. Everything else goes by a channel in shared memory too, which wakes the
 * server and the client only if they sleep, or else over the socket. Where the server does not let it
 * (another machine, TCP, insufficient rights, a plain Redis server, another version of the memory layout) the same
 * calls do the same over the socket; chestbox_attached tells which it is.
 *
 * Threads. A client and its views belong to one thread at a time; give each thread a client of its own. Different
 * clients share nothing. chestbox_strerror may be called from anywhere.
 *
 * Blocking. Calls that need the server block until it answers or a timeout of `options` is over. Local reads never
 * block.
 *
 * Lost connections. The call that finds its connection or its server gone makes one attempt to connect and attach
 * again. If that fails the call returns CHESTBOX_DISCONNECTED (or CHESTBOX_TIMEOUT, CHESTBOX_DENIED, …) and the next
 * call tries anew. A command that may have reached the old server is never sent twice: it returns
 * CHESTBOX_DISCONNECTED. The database chosen last stays chosen. If a MULTI, a WATCH or CLIENT TRACKING was lost with
 * the connection, one call returns CHESTBOX_DISCONNECTED before the client connects again, so that nobody takes a lost
 * transaction for a kept one.
 *
 * fork. A child process may go on using its parent's clients: it makes connections of its own, and the parent's stay as
 * they are. Pinned views (see chestbox_get) made before the fork have no memory behind them in the child: it may only
 * release them.
 *
 * Keys and values are bytes of any content. Sizes are in bytes, times in milliseconds. A pointer may be NULL where the
 * size beside it is 0. Functions that return int return 0 (CHESTBOX_OK) or one of the negative codes below. */
#ifndef CHESTBOX_CHESTBOX_H
#define CHESTBOX_CHESTBOX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CHESTBOX_API __attribute__((visibility("default")))
#else
#define CHESTBOX_API
#endif

#define CHESTBOX_OK 0
#define CHESTBOX_NOT_FOUND (-1)    /* no such key, or it has expired */
#define CHESTBOX_WRONGTYPE (-2)    /* the key holds another type than a string */
#define CHESTBOX_DISCONNECTED (-3) /* no connection to the server, and one attempt to make one failed */
#define CHESTBOX_TIMEOUT (-4)      /* the server did not answer in time; whether it got the command is unknown */
#define CHESTBOX_TOO_SMALL (-5)    /* the value does not fit the buffer; its size was reported, nothing was copied */
#define CHESTBOX_NO_PIN (-6)       /* CHESTBOX_PINNED_VIEWS_MAX views are held: release one, or use chestbox_read */
#define CHESTBOX_INVALID_ARGUMENT (-7) /* a NULL, a number out of range, contradicting options */
#define CHESTBOX_OUT_OF_MEMORY (-8)    /* of this process */
#define CHESTBOX_PROTOCOL (-9)         /* the server's bytes make no sense; the connection was given up */
#define CHESTBOX_SERVER_ERROR (-10)    /* the server answered with an error: chestbox_last_error has its text */
#define CHESTBOX_DENIED (-11)          /* wrong or missing password, or the server admits nobody now */
#define CHESTBOX_QUEUED (-12)          /* inside MULTI the server queues a command; its reply comes with EXEC's */

/* Views of values of more than CHESTBOX_COPIED_BYTES_MAX bytes that an attached client can hold at one time. */
#define CHESTBOX_PINNED_VIEWS_MAX 1024
/* Values up to this size are copied into the client and use up no pin; any number of such views may be held. */
#define CHESTBOX_COPIED_BYTES_MAX 256

struct redisReply; /* hiredis/hiredis.h */

typedef struct chestbox_client chestbox_client;

/* How to connect. Begin with chestbox_default_options(), so that options which later versions add keep their default.
 * Strings are copied during chestbox_connect. */
typedef struct {
  size_t size;             /* sizeof(chestbox_options): tells the library which options the caller knows */
  const char* user;        /* NULL: the default user. Needs a password */
  const char* password;    /* NULL: no AUTH */
  const char* client_name; /* NULL: none; else for CLIENT SETNAME */
  const char* tcp_host;    /* used instead of a Unix socket, which must be NULL then. Resolving a name may block */
  int tcp_port;            /* 0: 6379 */
  int database;            /* selected at first, 0 and up */
  int connect_timeout_ms;  /* for each step of connecting and attaching; 0: 5000. Below 0: no limit */
  int command_timeout_ms;  /* the longest silence of the server during a command; 0 or below: no limit */
  int no_attach;           /* not 0: stay on the socket */
  int no_channel;          /* not 0: attach, but send commands over the socket */
} chestbox_options;

static inline chestbox_options chestbox_default_options(void) {
  /* NOLINTNEXTLINE(modernize-use-nullptr): this is C, too */
  chestbox_options options = {sizeof(chestbox_options), NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0};
  return options;
}

/* A value that may be read until it is released or its client is closed. Treat as read-only; only `data` and `size` are
 * for the caller. Views of more than 256 bytes are aligned for any scalar type when they come from an attached client.
 */
typedef struct {
  const void* data; /* never NULL in a view that was got, even of an empty value */
  size_t size;
  uint64_t pin;
} chestbox_view;

/* What a client has done since chestbox_connect. Later versions add members at the end. */
typedef struct {
  uint64_t local_reads;  /* chestbox_get and chestbox_read answered from shared memory, "not found" included */
  uint64_t server_reads; /* … answered by the server: swapped out, contended, or not attached */
  uint64_t commands;     /* chestbox_command_argv and chestbox_set, sent to the server */
  uint64_t freezes;      /* times the server was asked to stop changing a value in place, so that it could be viewed */
  uint64_t connects;     /* connections made */
  uint64_t attaches;     /* … which were attached to shared memory */
  uint64_t pinned_views; /* held now */
  uint64_t local_commands; /* chestbox_command_argv answered from shared memory */
  uint64_t channels;       /* connections attached whose commands go by the channel in shared memory */
} chestbox_stats;

/* Connects to the server that listens on `unix_socket` (or on options->tcp_host), authenticates, and attaches if it
 * may. A refused attach is no error: see chestbox_attach_error. `options` may be NULL. On success *out is a client to
 * be closed by chestbox_close; otherwise *out is NULL and chestbox_last_error(NULL) has words for it. Errors:
 * DISCONNECTED, TIMEOUT, DENIED (also NOAUTH: the server wants a password), SERVER_ERROR (database, client name),
 * INVALID_ARGUMENT, OUT_OF_MEMORY, PROTOCOL. Blocks up to the connect timeout for each step. */
CHESTBOX_API int chestbox_connect(const char* unix_socket, const chestbox_options* options, chestbox_client** out);

/* Ends the connection and frees the client; all of its views end with it. NULL is allowed. */
CHESTBOX_API void chestbox_close(chestbox_client* client);

/* The string at `key` without copying it: *out lies in the server's memory, which stays as it is, whatever becomes of
 * the key, until chestbox_release. A pinned view keeps that memory from being reused, so release it soon. Values up to
 * CHESTBOX_COPIED_BYTES_MAX bytes are copied into the client, and what the server had to send is memory of the client's
 * own: the caller sees no difference. A view outlives its server: after a crash or restart it can still be read until
 * it is released. Errors: NOT_FOUND, WRONGTYPE, NO_PIN, QUEUED, SERVER_ERROR, OUT_OF_MEMORY and those of a lost
 * connection. On error *out is empty. Blocks only if the server has to be asked. */
CHESTBOX_API int chestbox_get(chestbox_client* client, const void* key, size_t key_size, chestbox_view* out);

/* Ends a view and clears it. An empty or released view is allowed and nothing happens. Never blocks. */
CHESTBOX_API void chestbox_release(chestbox_client* client, chestbox_view* view);

/* 1 if everything that was read through the view up to now was right, 0 if the server may have taken its memory back:
 * it ended this connection (CLIENT KILL, a limit) while it goes on itself. To be asked after use. Never blocks. */
CHESTBOX_API int chestbox_view_valid(chestbox_client* client, const chestbox_view* view);

/* Copies the string at `key` to `buffer`. *size (may be NULL) is its size, also with TOO_SMALL; otherwise it is 0.
 * Errors: NOT_FOUND, WRONGTYPE, TOO_SMALL, QUEUED, SERVER_ERROR, OUT_OF_MEMORY and those of a lost connection; the
 * content of `buffer` is undefined then. Blocks only if the server has to be asked. */
CHESTBOX_API int chestbox_read(chestbox_client* client, const void* key, size_t key_size, void* buffer, size_t capacity,
                               size_t* size);

/* Sets `key` to a string, whatever it held before. ttl_ms: it expires after so many ms; 0: never. The value is sent
 * from where it lies. When this returns CHESTBOX_OK every later read, of any client, sees the value or a newer one.
 * Errors: QUEUED, SERVER_ERROR (for instance OOM), INVALID_ARGUMENT (ttl_ms < 0), OUT_OF_MEMORY and those of a lost
 * connection. Blocks until the server has answered. */
CHESTBOX_API int chestbox_set(chestbox_client* client, const void* key, size_t key_size, const void* value,
                              size_t value_size, int64_t ttl_ms);

/* Sends any other command and returns its reply as hiredis does (RESP2 types), to be freed by freeReplyObject or
 * chestbox_free_reply. An error of the server is a reply of type REDIS_REPLY_ERROR. NULL: no reply; chestbox_last_code
 * and chestbox_last_error tell why. `argv_size` may be NULL if all arguments are strings that end with NUL. SELECT,
 * MULTI, EXEC, DISCARD, WATCH and CLIENT TRACKING are understood: chestbox_get and chestbox_read follow them.
 * Credentials belong in the options: after AUTH the client reads over the socket, and a new connection uses the options
 * again. Commands that do not have exactly one reply in RESP2 (SUBSCRIBE and its kin, MONITOR, SYNC, CLIENT REPLY OFF
 * and SKIP, HELLO 3) are not sent: the reply is an error that says so. Blocks until the server has answered. */
CHESTBOX_API struct redisReply* chestbox_command_argv(chestbox_client* client, int argc, const char** argv,
                                                      const size_t* argv_size);

/* One command of chestbox_pipeline; as the arguments of chestbox_command_argv. */
typedef struct {
  int argc;
  const char** argv;
  const size_t* argv_size;
} chestbox_request;

/* Sends `count` commands at once, without waiting for the replies in between, and then takes all replies: replies[i] is
 * that of requests[i], as from chestbox_command_argv. The commands are executed in order; other clients' may come
 * between. On error no reply is returned, replies[] is all NULL, and which commands were executed is unknown. Errors:
 * INVALID_ARGUMENT (a command that chestbox_command_argv would not send either), OUT_OF_MEMORY and those of a lost
 * connection. Blocks until the server has answered all of them. */
CHESTBOX_API int chestbox_pipeline(chestbox_client* client, size_t count, const chestbox_request* requests,
                                   struct redisReply** replies);
CHESTBOX_API void chestbox_free_reply(struct redisReply* reply);

/* Words for a code, in English. Static memory. Unknown codes too have some. */
CHESTBOX_API const char* chestbox_strerror(int code);

/* Words for the last call of this client that failed: a server's error reply, an error of the system. "" if none failed
 * so far. Valid until the next call with this client. With NULL: for this thread's last chestbox_connect that failed.
 */
CHESTBOX_API const char* chestbox_last_error(const chestbox_client* client);
/* Its code. 0 if none failed so far. */
CHESTBOX_API int chestbox_last_code(const chestbox_client* client);

/* 1: reads are local, as far as the client knows without asking; 0: they go over the socket. Never blocks. */
CHESTBOX_API int chestbox_attached(const chestbox_client* client);
/* Why the client's connection is not attached: the server's words, or those of the system. "" if it is. Valid until the
 * next call with this client. */
CHESTBOX_API const char* chestbox_attach_error(const chestbox_client* client);

/* Fills the first `size` bytes of *out: pass sizeof(chestbox_stats). */
CHESTBOX_API int chestbox_get_stats(const chestbox_client* client, chestbox_stats* out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
