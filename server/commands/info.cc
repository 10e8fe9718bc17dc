// INFO: which sections, in which order; the sections themselves are in info_*.cc.
#include "server/commands/info.h"

#include <algorithm>
#include <iterator>

#include "server/commands/command_parser.h"
#include "server/server.h"

namespace chestbox::info {

namespace {

struct Section {
  std::string_view name;
  std::string_view title;
  bool by_default;
  void (*append)(Server& server, std::string* text);
};

// No modules can be loaded, so that section is a title.
void AppendNothing(Server&, std::string*) {}

constexpr Section kSections[] = {
    {"server", "Server", true, AppendServer},
    {"clients", "Clients", true, AppendClients},
    {"memory", "Memory", true, AppendMemory},
    {"persistence", "Persistence", true, AppendPersistence},
    {"stats", "Stats", true, AppendStats},
    {"replication", "Replication", true, AppendReplication},
    {"cpu", "CPU", true, AppendCpu},
    {"modules", "Modules", true, AppendNothing},
    {"commandstats", "Commandstats", false, AppendCommandStats},
    {"errorstats", "Errorstats", true, AppendErrorStats},
    {"latencystats", "Latencystats", false, AppendLatencyStats},
    {"cluster", "Cluster", true, AppendCluster},
    {"keyspace", "Keyspace", true, AppendKeyspace},
    {"chestbox", "ChestBox", true, AppendChestbox},
};

bool IsWanted(const Section& section, Args asked) {
  if (asked.empty()) return section.by_default;
  return std::any_of(asked.begin(), asked.end(), [&](std::string_view word) {
    if (EqualIgnoringCase(word, "all") || EqualIgnoringCase(word, "everything")) return true;
    if (EqualIgnoringCase(word, "default")) return section.by_default;
    if (EqualIgnoringCase(word, "module_list")) return section.name == "modules";
    return EqualIgnoringCase(word, section.name);
  });
}

}  // namespace

// INFO [section …] -> text; a section that there is not says nothing
Result<void> Info(CommandContext& ctx, Args args, ReplyWriter& reply) {
  std::string text;
  for (const Section& section : kSections) {
    if (!IsWanted(section, args.subspan(1))) continue;
    if (!text.empty()) text += "\r\n";
    text += "# ";
    text += section.title;
    text += "\r\n";
    section.append(ctx.server, &text);
  }
  reply.Verbatim("txt", text);
  return {};
}

}  // namespace chestbox::info
