// SPDX-License-Identifier: Apache-2.0
#include "pkg/files/poller.h"

#include <algorithm>
#include <set>

#include "pkg/base/log.h"

namespace salve::files {
namespace {

constexpr std::chrono::seconds kPeriod{2};
constexpr std::size_t kHistory = 4;          // contents remembered of one path
constexpr std::size_t kMaxRemembered = 200;  // files of a directory that are told apart
constexpr std::size_t kMaxNames = healing::kMaxChangedNames;

bool Same(const healing::FileSight& a, const healing::FileSight& b) {
  return a.message == b.message && a.paths == b.paths;
}

// The full names of what is in one of the two only, or differs.
std::vector<std::string> Differences(const std::string& path, const Listing& before,
                                     const Listing& now) {
  std::set<std::string> names;
  const auto add = [&](const Listing& a, const Listing& b) {
    for (const auto& [name, digest] : a.files) {
      const auto other = b.files.find(name);
      if (other == b.files.end() || other->second != digest) names.insert(name);
    }
  };
  add(before, now);
  add(now, before);
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (out.size() >= kMaxNames) break;
    out.push_back(name.empty() ? path : path.back() == '/' ? path + name : path + "/" + name);
  }
  return out;
}

void Remember(std::map<std::string, std::vector<Listing>>& history,
              const std::map<std::string, Listing>& found) {
  for (const auto& [path, listing] : found) {
    std::vector<Listing>& past = history[path];
    if (listing.files.size() > kMaxRemembered) {
      past.clear();
      continue;
    }
    const std::string digest = DigestOf(listing);
    std::erase_if(past, [&](const Listing& one) { return DigestOf(one) == digest; });
    past.push_back(listing);
    if (past.size() > kHistory) past.erase(past.begin());
  }
}

void NameDifferences(const std::map<std::string, std::vector<Listing>>& history,
                     const std::map<std::string, Listing>& found, healing::FileSight& sight) {
  for (const auto& [path, listing] : found) {
    const auto past = history.find(path);
    if (past == history.end()) continue;
    for (const Listing& before : past->second) {
      auto names = Differences(path, before, listing);
      if (!names.empty()) sight.differences[{path, DigestOf(before)}] = std::move(names);
    }
  }
}

}  // namespace

Poller::Poller(std::unique_ptr<Reader> reader, Clock& clock,
               std::function<void(const Name&)> changed)
    : reader_(std::move(reader)), clock_(clock), changed_(std::move(changed)) {}

Poller::~Poller() { Stop(); }

void Poller::Set(const Name& policy, std::vector<Watched> wanted) {
  MutexLock lock(mu_);
  const bool idle = states_.empty();
  std::erase_if(states_, [&](const auto& item) {
    return item.first.first == policy &&
           std::find(wanted.begin(), wanted.end(), item.second.watched) == wanted.end();
  });
  for (Watched& one : wanted) {
    const Key key{policy, one.trigger};
    states_.try_emplace(key).first->second.watched = std::move(one);
  }
  if (idle && !states_.empty()) wake_.NotifyAll();
}

std::map<std::string, Sighting> Poller::Seen(const Name& policy) const {
  std::map<std::string, Sighting> out;
  MutexLock lock(mu_);
  for (auto it = states_.lower_bound({policy, ""}); it != states_.end(); ++it) {
    if (it->first.first != policy) break;
    if (it->second.has_told) out[it->first.second] = it->second.told;
  }
  return out;
}

void Poller::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Poller::Stop() {
  {
    MutexLock lock(mu_);
    stop_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Poller::Run() {
  for (;;) {
    {
      MutexLock lock(mu_);
      const MonoTime next = clock_.Monotonic() + kPeriod;
      while (!stop_ && (states_.empty() || clock_.Monotonic() < next)) {
        clock_.WaitUntil(wake_, mu_, states_.empty() ? MonoTime::max() : next);
        if (!states_.empty() && clock_.Monotonic() >= next) break;
      }
      if (stop_) return;
    }
    LookOnce();
  }
}

void Poller::LookOnce() {
  MutexLock one_at_a_time(looking_);
  std::vector<std::pair<Key, Watched>> all;
  {
    MutexLock lock(mu_);
    for (const auto& [key, state] : states_) all.emplace_back(key, state.watched);
  }
  std::set<Name> news;
  for (const auto& [key, watched] : all) {
    std::map<std::string, Listing> found;
    const auto sight = Look(watched, found);
    if (!sight.ok()) continue;  // it changes right now
    MutexLock lock(mu_);
    if (stop_) return;
    const auto it = states_.find(key);
    if (it == states_.end() || !(it->second.watched == watched)) continue;
    if (Take(it->second, *sight, found, clock_.Monotonic())) news.insert(key.first);
  }
  for (const Name& policy : news) changed_(policy);
}

StatusOr<healing::FileSight> Poller::Look(const Watched& watched,
                                          std::map<std::string, Listing>& found) {
  healing::FileSight sight;
  Budget budget;
  for (const std::string& path : watched.paths) {
    auto listing = reader_->Read(path, budget);
    if (listing.code() == Code::kAborted) return listing.status();
    if (!listing.ok()) {
      found.clear();
      healing::FileSight problem;
      problem.message = listing.status().message();
      return problem;
    }
    sight.paths[path] = DigestOf(*listing);
    if (listing->directory) sight.directories.insert(path);
    if (listing->directory && listing->files.empty()) sight.empty.insert(path);
    found[path] = std::move(listing).value();
  }
  return sight;
}

bool Poller::Take(State& state, const healing::FileSight& sight,
                  const std::map<std::string, Listing>& found, MonoTime now) {
  if (!state.any || !Same(state.pending.sight, sight)) {
    NameDifferences(state.history, found, state.pending.sight = sight);
    Remember(state.history, found);
    state.pending.since = now;
    state.any = true;
    state.settled = false;
  }
  if (state.settled || now - state.pending.since < state.watched.debounce) return false;
  state.settled = true;
  // It was something else for less than its debounce.
  if (state.has_told && Same(state.told.sight, state.pending.sight)) return false;
  state.told = state.pending;
  state.has_told = true;
  return true;
}

}  // namespace salve::files
