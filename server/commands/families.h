// The families' tables. Adding a command touches its family's file; adding a family touches this list.
#pragma once

#include <span>

#include "server/command.h"

namespace chestbox {

std::span<const CommandSpec> StringCommands();              // strings.cc, strings_lcs.cc
std::span<const CommandSpec> KeyCommands();                 // keys.cc
std::span<const CommandSpec> ExpireCommands();              // expire.cc
std::span<const CommandSpec> ScanCommands();                // scan.cc (KEYS SCAN RANDOMKEY)
std::span<const CommandSpec> DatabaseCommands();            // databases.cc (SELECT SWAPDB FLUSHDB FLUSHALL DBSIZE)
std::span<const CommandSpec> ConnectionCommands();          // connection.cc (PING ECHO HELLO AUTH QUIT RESET)
std::span<const CommandSpec> ClientCommands();              // client_command.cc
std::span<const CommandSpec> ServerCommands();              // server_command.cc (TIME SHUTDOWN LASTSAVE …), info.cc
std::span<const CommandSpec> ConfigCommands();              // config_command.cc
std::span<const CommandSpec> CommandCommands();             // command_command.cc
std::span<const CommandSpec> PersistenceCommands();         // persistence.cc (SAVE BGSAVE BGREWRITEAOF)
std::span<const CommandSpec> DebugCommands();               // debug.cc
std::span<const CommandSpec> ChestboxCommands();            // chestbox.cc (ATTACH, FREEZE)
std::span<const CommandSpec> TransactionCommands();         // transactions.cc (MULTI EXEC DISCARD WATCH UNWATCH)
std::span<const CommandSpec> BitCommands();                 // bits_rows.cc
std::span<const CommandSpec> PfCommands();                  // hyperloglog_rows.cc
std::span<const CommandSpec> SetCommands();                 // sets_rows.cc
std::span<const CommandSpec> HashCommands();                // hashes.cc, hashes_*.cc
std::span<const CommandSpec> HashExpiryCommands();          // hashes_expiry_rows.cc
std::span<const CommandSpec> ListCommands();                // lists_rows.cc
std::span<const CommandSpec> ListPopCommands();             // lists_rows_pop.cc
std::span<const CommandSpec> DumpCommands();                // dump.cc
std::span<const CommandSpec> MigrateCommands();             // migrate.cc
std::span<const CommandSpec> SortedSetMemberCommands();     // sorted_sets_rows_members.cc
std::span<const CommandSpec> SortedSetRangeCommands();      // sorted_sets_rows_ranges.cc
std::span<const CommandSpec> SortedSetCombiningCommands();  // sorted_sets_rows_sets.cc
std::span<const CommandSpec> GeoCommands();                 // geo_rows.cc
std::span<const CommandSpec> GeoSearchCommands();           // geo_rows_search.cc
std::span<const CommandSpec> StreamCommands();              // streams.cc and streams_*.cc
std::span<const CommandSpec> SortCommands();                // sort.cc
std::span<const CommandSpec> MemoryCommands();              // memory.cc
std::span<const CommandSpec> ScriptingCommands();           // scripting.cc
std::span<const CommandSpec> FunctionCommands();            // functions.cc
std::span<const CommandSpec> AclCommands();                 // acl_command.cc
std::span<const CommandSpec> ClusterCommands();             // cluster.cc (CLUSTER READONLY READWRITE ASKING)
std::span<const CommandSpec> ModuleCommands();              // module_command.cc
std::span<const CommandSpec> ReplicationCommands();         // replication.cc (SYNC PSYNC REPLCONF ROLE WAIT …)
std::span<const CommandSpec> PubSubCommands();              // pubsub.cc

}  // namespace chestbox
