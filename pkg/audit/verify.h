// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AUDIT_VERIFY_H_
#define SALVE_PKG_AUDIT_VERIFY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pkg/audit/record.h"
#include "pkg/base/status.h"

namespace salve::audit {

// Something that a journal which only Salve has written to does not have.
struct Flaw {
  std::string file;
  std::int64_t line = 0;  // from 1; 0 = the file or the journal as a whole
  std::string what;
};

struct Verdict {
  std::size_t files = 0;
  std::int64_t records = 0;
  std::int64_t first = 0;  // sequence of the first record
  Head head;
  std::vector<Flaw> flaws;      // the first kMaxFlaws
  std::int64_t flaw_count = 0;  // all
  // The last line is incomplete: it is being written, or its writer was killed. No flaw.
  bool incomplete_end = false;
  // What is worth knowing and is no flaw: records in which the journal says that it was disturbed.
  std::vector<std::string> remarks;
};
inline constexpr std::size_t kMaxFlaws = 100;

// Reads the whole journal and checks that each line is what it was when the next one was written,
// that none is missing, added or out of place, and that it ends no earlier than `expected`, which
// was kept elsewhere. Without that, a journal whose end was cut off or that was written anew as a
// whole looks sound: nothing inside of it could show that. kNotFound: there is no journal.
StatusOr<Verdict> Verify(const std::string& directory, const std::optional<Head>& expected);

}  // namespace salve::audit

#endif  // SALVE_PKG_AUDIT_VERIFY_H_
