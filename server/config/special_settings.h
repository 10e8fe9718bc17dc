// Settings that are more than one word, number or text: their parsing, printing and rewriting.
#pragma once

#include "server/config/setting.h"

namespace chestbox {

extern const SpecialType kBindType;
extern const SpecialType kDirType;
extern const SpecialType kSaveType;
extern const SpecialType kReplicaOfType;
extern const SpecialType kOutputBufferLimitType;
extern const SpecialType kNotifyKeyspaceEventsType;
extern const SpecialType kOomScoreAdjValuesType;
extern const SpecialType kLatencyPercentilesType;

// The absolute path of the working directory; empty when it is gone.
std::string WorkingDirectory();

}  // namespace chestbox
