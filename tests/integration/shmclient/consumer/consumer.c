/* Sets and views a state: prints its size and whether it lay in shared memory. */
#include <chestbox/chestbox.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char** argv) {
  static char value[1000];
  chestbox_client* client = NULL;
  chestbox_view view;
  int code = argc == 2 ? chestbox_connect(argv[1], NULL, &client) : CHESTBOX_INVALID_ARGUMENT;
  memset(value, 'c', sizeof value);
  if (code == CHESTBOX_OK) code = chestbox_set(client, "key", 3, value, sizeof value, 0);
  if (code == CHESTBOX_OK) code = chestbox_get(client, "key", 3, &view);
  if (code == CHESTBOX_OK) {
    printf("%zu bytes, attached %d\n", view.size, chestbox_attached(client));
    chestbox_release(client, &view);
  } else {
    printf("%s\n", chestbox_strerror(code));
  }
  chestbox_close(client);
  return code == CHESTBOX_OK ? 0 : 1;
}
