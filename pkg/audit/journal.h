// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AUDIT_JOURNAL_H_
#define SALVE_PKG_AUDIT_JOURNAL_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/audit/files.h"
#include "pkg/audit/record.h"
#include "pkg/base/clock.h"

namespace salve::audit {

inline constexpr int kMinRetentionDays = 30;
inline constexpr int kDefaultRetentionDays = 90;

// Records as lines of JSON in a directory, a file for each day (UTC), each line with the hash of
// the one before, across files. Nothing that is written is changed again; whole files go when they
// are older than the retention, and what stays says so. One writer for a directory, held by a lock.
// Not thread-safe.
class Journal {
 public:
  struct Options {
    std::string directory;
    int retention_days = kDefaultRetentionDays;
    // Where this process left it, when it is opened again: a journal that ends before is not
    // believed, and what follows says so.
    std::optional<Head> left_at;
  };

  // Takes the lock, sets an incomplete last line aside (the process died while writing it) and
  // finds the end of the chain. `each` is called for every record that is in it, oldest first;
  // lines that are none are passed over and left alone. kAlreadyExists: another process writes it.
  static StatusOr<std::unique_ptr<Journal>> Open(Options options, Clock& clock,
                                                 const std::function<void(const Record&)>& each);

  // Appends them in order; durable when it returns OK. An error: some of the first may be in it;
  // open it again to see.
  Status Append(const std::vector<Record>& records);

  const Head& head() const { return head_; }

 private:
  Journal(Options options, Clock& clock, File lock)
      : options_(std::move(options)), clock_(clock), lock_(std::move(lock)) {}

  // Reads a file that is there, the last one with its end.
  Status Read(const std::string& name, bool last, const std::function<void(const Record&)>& each);
  Status SetAside(const std::string& name, const LineReader::Line& torn);
  // The file of today is open, a new one if the day is another.
  Status Rotate();
  // Removes what is older than the retention.
  Status Retain();
  // Somebody else has changed the file since: says so in the journal and goes on from what this
  // process knows.
  Status CheckUndisturbed();
  std::string Path(const std::string& name) const { return options_.directory + "/" + name; }
  Status Write(const std::vector<Record>& records);

  const Options options_;
  Clock& clock_;
  const File lock_;
  Head head_{0, NoHash()};
  std::string name_;  // of the file that is open
  File file_;
  FileState state_;              // as this process left it
  std::vector<Record> to_tell_;  // about the journal itself, before anything else
};

}  // namespace salve::audit

#endif  // SALVE_PKG_AUDIT_JOURNAL_H_
