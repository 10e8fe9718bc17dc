/* A state in shared memory, from C.
 *
 *   example_state_c SOCKET          stores a state, looks at it where it lies, and prints what that cost
 *   cc state.c -lchestbox -lhiredis */
#include <chestbox/chestbox.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char* what, int code, const chestbox_client* client) {
  fprintf(stderr, "%s: %s: %s\n", what, chestbox_strerror(code), chestbox_last_error(client));
  return 1;
}

static int run(chestbox_client* client) {
  enum { kValues = 150528 }; /* 224 x 224 x 3 */
  const char key[] = "tensor";
  double* tensor = malloc(kValues * sizeof(double));
  if (tensor == NULL) return 1;
  for (int i = 0; i < kValues; ++i) tensor[i] = i;
  int code = chestbox_set(client, key, sizeof key - 1, tensor, kValues * sizeof(double), 60000);
  free(tensor);
  if (code != CHESTBOX_OK) return fail("set", code, client);

  /* The view lies in the server's memory: nothing is copied, and it stays as it is until it is released. */
  chestbox_view view;
  code = chestbox_get(client, key, sizeof key - 1, &view);
  if (code != CHESTBOX_OK) return fail("get", code, client);
  const double* values = view.data;
  double sum = 0;
  for (size_t i = 0; i < view.size / sizeof(double); ++i) sum += values[i];
  printf("%zu bytes, sum %.0f, %s\n", view.size, sum,
         chestbox_attached(client) ? "in shared memory" : "over the socket");
  chestbox_release(client, &view);

  /* Every other command as with hiredis. */
  const char* argv[] = {"PTTL", key};
  redisReply* reply = chestbox_command_argv(client, 2, argv, NULL);
  if (reply == NULL) return fail("pttl", chestbox_last_code(client), client);
  printf("expires within %lld ms\n", reply->integer);
  freeReplyObject(reply);
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
    return 2;
  }
  chestbox_client* client = NULL;
  const int code = chestbox_connect(argv[1], NULL, &client);
  if (code != CHESTBOX_OK) return fail("connect", code, NULL);
  const int result = run(client);
  chestbox_close(client);
  return result;
}
