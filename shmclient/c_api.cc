// The C interface: checks arguments, turns C's pairs into spans, and lets no exception out.
#include <algorithm>
#include <cstring>
#include <new>

#include "shmclient/client.h"
#include "shmclient/include/chestbox/chestbox.h"

using chestbox::shmclient::LocalClient;

struct chestbox_client {
  explicit chestbox_client(chestbox::shmclient::Options options) : client(std::move(options)) {}
  LocalClient client;
};

namespace {

constexpr int kConnectTimeoutMs = 5000;
constexpr int kDefaultTcpPort = 6379;
constexpr int kArgsInPlace = 8;

// Of this thread's last chestbox_connect that failed: there is no client to keep it in. Fixed, so that it needs no
// destructor.
thread_local char connect_error[512];

int ConnectFailed(int code, std::string_view text) {
  const size_t bytes = std::min(text.size(), sizeof connect_error - 1);
  std::memcpy(connect_error, text.data(), bytes);
  connect_error[bytes] = 0;
  return code;
}

// The only exception that this library's code lets happen is std::bad_alloc.
template <class Call>
int Guarded(chestbox_client* client, Call&& call) {
  try {
    return call(client->client);
  } catch (const std::bad_alloc&) {
    return client->client.OutOfMemory();
  }
}

std::string_view Bytes(const void* data, size_t size) { return {static_cast<const char*>(data), size}; }
bool IsBad(const void* data, size_t size) { return data == nullptr && size > 0; }
std::string Copy(const char* text) { return text == nullptr ? std::string() : std::string(text); }

// The members that the caller knows; the others have their defaults.
chestbox_options KnownOptions(const chestbox_options* given) {
  chestbox_options options = chestbox_default_options();
  if (given != nullptr) std::memcpy(&options, given, std::min(given->size, sizeof options));
  return options;
}

const char* TranslateOptions(const char* unix_socket, const chestbox_options* given,
                             chestbox::shmclient::Options* out) {
  const chestbox_options options = KnownOptions(given);
  if (given != nullptr && given->size < sizeof(size_t)) return "options->size is not set";
  if ((unix_socket == nullptr) == (options.tcp_host == nullptr)) return "give one of unix_socket and tcp_host";
  if (unix_socket != nullptr && *unix_socket == 0) return "the Unix socket's path is empty";
  if (options.tcp_port < 0 || options.tcp_port > 65535) return "tcp_port is out of range";
  if (options.database < 0) return "database is below 0";
  if (options.user != nullptr && options.password == nullptr) return "a user needs a password";
  out->endpoint.unix_socket = Copy(unix_socket);
  out->endpoint.tcp_host = Copy(options.tcp_host);
  out->endpoint.tcp_port = options.tcp_port == 0 ? kDefaultTcpPort : options.tcp_port;
  out->user = Copy(options.user);
  out->password = Copy(options.password);
  out->authenticates = options.password != nullptr;
  out->client_name = Copy(options.client_name);
  out->database = static_cast<uint32_t>(options.database);
  out->connect_timeout_ms = options.connect_timeout_ms == 0 ? kConnectTimeoutMs : options.connect_timeout_ms;
  out->command_timeout_ms = options.command_timeout_ms;
  out->attaches = options.no_attach == 0;
  out->uses_channel = options.no_channel == 0;
  return nullptr;
}

// Views of a command's arguments; `out` has room for them. False: one is NULL.
bool TakeArguments(const chestbox_request& request, std::span<std::string_view> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const char* word = request.argv[i];
    if (word == nullptr && (request.argv_size == nullptr || request.argv_size[i] > 0)) return false;
    out[i] = request.argv_size == nullptr ? std::string_view(word) : Bytes(word, request.argv_size[i]);
  }
  return true;
}

}  // namespace

extern "C" {

int chestbox_connect(const char* unix_socket, const chestbox_options* options, chestbox_client** out) {
  if (out == nullptr) return ConnectFailed(CHESTBOX_INVALID_ARGUMENT, "out is NULL");
  *out = nullptr;
  try {
    chestbox::shmclient::Options translated;
    if (const char* wrong = TranslateOptions(unix_socket, options, &translated)) {
      return ConnectFailed(CHESTBOX_INVALID_ARGUMENT, wrong);
    }
    auto client = std::make_unique<chestbox_client>(std::move(translated));
    const int code = client->client.Connect();
    if (code != CHESTBOX_OK) return ConnectFailed(code, client->client.last_error());
    *out = client.release();
    return CHESTBOX_OK;
  } catch (const std::bad_alloc&) {
    return ConnectFailed(CHESTBOX_OUT_OF_MEMORY, "no memory for a client");
  }
}

void chestbox_close(chestbox_client* client) { delete client; }

int chestbox_get(chestbox_client* client, const void* key, size_t key_size, chestbox_view* out) {
  if (out == nullptr) return CHESTBOX_INVALID_ARGUMENT;
  *out = {};
  if (client == nullptr || IsBad(key, key_size)) return CHESTBOX_INVALID_ARGUMENT;
  return Guarded(client, [&](LocalClient& local) { return local.Get(Bytes(key, key_size), out); });
}

void chestbox_release(chestbox_client* client, chestbox_view* view) {
  if (client != nullptr && view != nullptr) client->client.Release(view);
}

int chestbox_view_valid(chestbox_client* client, const chestbox_view* view) {
  return client != nullptr && view != nullptr && client->client.ViewIsValid(*view) ? 1 : 0;
}

int chestbox_read(chestbox_client* client, const void* key, size_t key_size, void* buffer, size_t capacity,
                  size_t* size) {
  size_t ignored = 0;
  if (size == nullptr) size = &ignored;
  *size = 0;
  if (client == nullptr || IsBad(key, key_size) || IsBad(buffer, capacity)) return CHESTBOX_INVALID_ARGUMENT;
  // An empty value is copied too, to somewhere.
  char nowhere = 0;
  char* to = buffer == nullptr ? &nowhere : static_cast<char*>(buffer);
  return Guarded(client, [&](LocalClient& local) { return local.Read(Bytes(key, key_size), {to, capacity}, size); });
}

int chestbox_set(chestbox_client* client, const void* key, size_t key_size, const void* value, size_t value_size,
                 int64_t ttl_ms) {
  if (client == nullptr || IsBad(key, key_size) || IsBad(value, value_size)) return CHESTBOX_INVALID_ARGUMENT;
  return Guarded(client,
                 [&](LocalClient& local) { return local.Set(Bytes(key, key_size), Bytes(value, value_size), ttl_ms); });
}

struct redisReply* chestbox_command_argv(chestbox_client* client, int argc, const char** argv,
                                         const size_t* argv_size) {
  if (client == nullptr) return nullptr;
  chestbox::shmclient::ReplyPtr reply;
  (void)Guarded(client, [&](LocalClient& local) {
    if (argc <= 0 || argv == nullptr) return local.Fail(CHESTBOX_INVALID_ARGUMENT, "no arguments");
    // Most commands are short: their arguments need no allocation.
    std::string_view few[kArgsInPlace];
    std::vector<std::string_view> many;
    if (argc > kArgsInPlace) many.resize(static_cast<size_t>(argc));
    const std::span<std::string_view> args(argc > kArgsInPlace ? many.data() : few, static_cast<size_t>(argc));
    if (!TakeArguments({argc, argv, argv_size}, args)) {
      return local.Fail(CHESTBOX_INVALID_ARGUMENT, "an argument is NULL");
    }
    reply = local.Command(args);
    return CHESTBOX_OK;
  });
  return reply.release();
}

int chestbox_pipeline(chestbox_client* client, size_t count, const chestbox_request* requests,
                      struct redisReply** replies) {
  if (client == nullptr || IsBad(requests, count) || IsBad(replies, count)) return CHESTBOX_INVALID_ARGUMENT;
  std::fill_n(replies, count, nullptr);
  if (count == 0) return CHESTBOX_OK;
  return Guarded(client, [&](LocalClient& local) {
    size_t words_count = 0;
    for (size_t i = 0; i < count; ++i) {
      if (requests[i].argc <= 0 || requests[i].argv == nullptr) {
        return local.Fail(CHESTBOX_INVALID_ARGUMENT, "no arguments");
      }
      words_count += static_cast<size_t>(requests[i].argc);
    }
    std::vector<std::string_view> words(words_count);
    std::vector<chestbox::shmclient::Args> args;
    size_t begin = 0;
    for (size_t i = 0; i < count; ++i) {
      const std::span<std::string_view> own(words.data() + begin, static_cast<size_t>(requests[i].argc));
      if (!TakeArguments(requests[i], own)) return local.Fail(CHESTBOX_INVALID_ARGUMENT, "an argument is NULL");
      args.emplace_back(own);
      begin += own.size();
    }
    std::vector<chestbox::shmclient::ReplyPtr> owned(count);
    const int code = local.Commands(args, owned.data());
    if (code != CHESTBOX_OK) return code;
    for (size_t i = 0; i < count; ++i) replies[i] = owned[i].release();
    return code;
  });
}

void chestbox_free_reply(struct redisReply* reply) {
  if (reply != nullptr) freeReplyObject(reply);
}

const char* chestbox_last_error(const chestbox_client* client) {
  return client == nullptr ? connect_error : client->client.last_error().c_str();
}

int chestbox_last_code(const chestbox_client* client) {
  return client == nullptr ? CHESTBOX_INVALID_ARGUMENT : client->client.last_code();
}

int chestbox_attached(const chestbox_client* client) { return client != nullptr && client->client.attached() ? 1 : 0; }

const char* chestbox_attach_error(const chestbox_client* client) {
  return client == nullptr ? "no client" : client->client.attach_error().c_str();
}

int chestbox_get_stats(const chestbox_client* client, chestbox_stats* out, size_t size) {
  if (client == nullptr || out == nullptr) return CHESTBOX_INVALID_ARGUMENT;
  const chestbox_stats stats = client->client.stats();
  std::memset(out, 0, size);
  std::memcpy(out, &stats, std::min(size, sizeof stats));
  return CHESTBOX_OK;
}

const char* chestbox_strerror(int code) {
  switch (code) {
    case CHESTBOX_OK:
      return "success";
    case CHESTBOX_NOT_FOUND:
      return "no such key";
    case CHESTBOX_WRONGTYPE:
      return "the key holds another type than a string";
    case CHESTBOX_DISCONNECTED:
      return "not connected to the server";
    case CHESTBOX_TIMEOUT:
      return "the server did not answer in time";
    case CHESTBOX_TOO_SMALL:
      return "the value does not fit the buffer";
    case CHESTBOX_NO_PIN:
      return "too many views are held";
    case CHESTBOX_INVALID_ARGUMENT:
      return "invalid argument";
    case CHESTBOX_OUT_OF_MEMORY:
      return "out of memory";
    case CHESTBOX_PROTOCOL:
      return "the server's bytes make no sense";
    case CHESTBOX_SERVER_ERROR:
      return "the server answered with an error";
    case CHESTBOX_DENIED:
      return "the server does not admit this client";
    case CHESTBOX_QUEUED:
      return "the command was queued by MULTI";
    default:
      return "unknown code";
  }
}

}  // extern "C"
