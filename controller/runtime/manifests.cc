// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/manifests.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/yaml/yaml.h"

namespace salve::runtime {
namespace {

namespace fs = std::filesystem;
namespace v1 = apis::salve::v1alpha1;
using apis::meta::v1::NamespacedName;
using apis::meta::v1::ResourceInfo;
using client::Json;

constexpr std::size_t kMaxFiles = 10000;
constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr char kFieldManager[] = "salve-manifests";

const ResourceInfo kNamespaceInfo{"", "v1", "namespaces", "Namespace", false};

std::vector<const ResourceInfo*> AppliedKinds() {
  return {&kNamespaceInfo, &v1::HealingGuardrail::kInfo, &v1::HealingPolicy::kInfo};
}

const ResourceInfo* KindOf(const Json& object) {
  for (const ResourceInfo* info : AppliedKinds()) {
    if (object.value("kind", "") == info->kind &&
        object.value("apiVersion", "") == info->ApiVersion()) {
      return info;
    }
  }
  return nullptr;
}

struct Desired {
  const ResourceInfo* info = nullptr;
  NamespacedName name;
  Json object;
  std::string file;
};

bool IsManifest(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

// Sorted, so that the outcome does not depend on the file system's order.
std::vector<fs::path> FilesBelow(const std::string& directory, ManifestReport& report) {
  std::vector<fs::path> files;
  std::error_code error;
  auto it = fs::recursive_directory_iterator(
      directory, fs::directory_options::follow_directory_symlink, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    // Kubernetes mounts ConfigMaps through a hidden "..data" directory: each file would come twice.
    if (it->path().filename().string().rfind("..", 0) == 0) {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    if (it->is_regular_file() && IsManifest(it->path())) files.push_back(it->path());
    if (files.size() > kMaxFiles || it.depth() > 16) {
      report.errors.push_back({directory, "more than 10000 manifests, or nested deeper than 16"});
      break;
    }
  }
  if (error) report.errors.push_back({directory, error.message()});
  std::sort(files.begin(), files.end());
  return files;
}

StatusOr<std::string> ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return NotFoundError("cannot be opened");
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) return InvalidArgumentError("larger than 1 MiB");
  return text;
}

// A misspelt field would be dropped in silence by the server: here it is an error with its path.
Status CheckFields(const ResourceInfo& info, const Json& object) {
  if (info == v1::HealingPolicy::kInfo)
    return apis::DecodeStrict<v1::HealingPolicy>(object).status();
  if (info == v1::HealingGuardrail::kInfo) {
    return apis::DecodeStrict<v1::HealingGuardrail>(object).status();
  }
  return Status::Ok();
}

StatusOr<Desired> ToDesired(Json object, const std::string& file) {
  Desired desired;
  desired.info = KindOf(object);
  if (desired.info == nullptr) {
    return InvalidArgumentError("kind \"" + object.value("kind", "") + "\" in \"" +
                                object.value("apiVersion", "") +
                                "\" is not applied from here; HealingPolicy, HealingGuardrail and "
                                "Namespace are");
  }
  if (!object.contains("metadata") || !object["metadata"].is_object() ||
      !object["metadata"].value("name", Json()).is_string()) {
    return InvalidArgumentError("metadata.name: Required value");
  }
  SALVE_RETURN_IF_ERROR(CheckFields(*desired.info, object));
  Json& metadata = object["metadata"];
  if (desired.info->namespaced && !metadata.contains("namespace"))
    metadata["namespace"] = "default";
  desired.name = {desired.info->namespaced ? metadata.value("namespace", "") : "",
                  metadata.value("name", "")};
  metadata["labels"][kManagedByLabel] = kManagedByManifests;
  object.erase("status");
  desired.object = std::move(object);
  desired.file = file;
  return desired;
}

void ReadManifest(const fs::path& path, std::vector<Desired>& desired, ManifestReport& report) {
  const std::string file = path.string();
  const auto text = ReadFile(path);
  if (!text.ok()) return report.errors.push_back({file, text.status().message()});
  auto documents = apis::yaml::Parse(*text);
  if (!documents.ok()) return report.errors.push_back({file, documents.status().message()});
  for (apis::yaml::Document& document : *documents) {
    const std::string at = file + ":" + std::to_string(document.first_line);
    if (!document.value.is_object()) {
      report.errors.push_back({at, "not an object"});
      continue;
    }
    auto one = ToDesired(std::move(document.value), at);
    if (!one.ok()) {
      report.errors.push_back({at, one.status().message()});
      continue;
    }
    const bool twice = std::any_of(desired.begin(), desired.end(), [&](const Desired& d) {
      return d.info == one->info && d.name == one->name;
    });
    if (twice) {
      report.errors.push_back(
          {at, one->info->kind + " " + one->name.ToString() + " is there twice"});
      continue;
    }
    desired.push_back(std::move(one).value());
  }
}

// `live` with the parts that a manifest decides replaced.
Json Merge(const Json& live, const Json& wanted) {
  Json next = live;
  next["spec"] = wanted.value("spec", Json::object());
  Json& metadata = next["metadata"];
  const Json& from = wanted["metadata"];
  for (const char* map : {"labels", "annotations"}) {
    if (from.contains(map)) metadata[map] = from[map];
  }
  return next;
}

Status ApplyOne(const Desired& desired, client::Client& client, ManifestReport& report) {
  client::WriteOptions options;
  options.field_manager = kFieldManager;
  const auto live = client.Get(*desired.info, desired.name);
  if (live.code() == Code::kNotFound) {
    SALVE_RETURN_IF_ERROR(client.Create(*desired.info, desired.object, options).status());
    ++report.created;
    return Status::Ok();
  }
  if (!live.ok()) return live.status();
  SALVE_ASSIGN_OR_RETURN(const Json stored,
                         client.Update(*desired.info, Merge(*live, desired.object), options));
  // The server fills in defaults: only its own answer tells whether anything changed.
  if (stored["metadata"]["resourceVersion"] != (*live)["metadata"]["resourceVersion"])
    ++report.updated;
  return Status::Ok();
}

Status Prune(const std::vector<Desired>& desired, client::Client& client, ManifestReport& report) {
  std::set<std::pair<std::string, NamespacedName>> wanted;
  for (const Desired& d : desired) wanted.insert({d.info->kind, d.name});
  for (const ResourceInfo* info : AppliedKinds()) {
    client::ListOptions options;
    options.label_selector = std::string(kManagedByLabel) + "=" + kManagedByManifests;
    SALVE_ASSIGN_OR_RETURN(const client::ObjectList list, client.List(*info, options));
    for (const Json& item : list.items) {
      const NamespacedName name{item["metadata"].value("namespace", ""),
                                item["metadata"].value("name", "")};
      if (wanted.count({info->kind, name}) > 0) continue;
      client::DeleteOptions precondition;
      precondition.uid = item["metadata"].value("uid", "");
      const Status deleted = client.Delete(*info, name, precondition);
      if (!deleted.ok() && deleted.code() != Code::kNotFound) return deleted;
      ++report.deleted;
    }
  }
  return Status::Ok();
}

}  // namespace

ManifestReport SyncManifests(const std::string& directory, client::Client& client) {
  ManifestReport report;
  std::vector<Desired> desired;
  for (const fs::path& file : FilesBelow(directory, report)) ReadManifest(file, desired, report);
  // Namespaces first, then guardrails, then what they bind.
  const std::vector<const ResourceInfo*> order = AppliedKinds();
  std::stable_sort(desired.begin(), desired.end(), [&](const Desired& a, const Desired& b) {
    return std::find(order.begin(), order.end(), a.info) <
           std::find(order.begin(), order.end(), b.info);
  });
  for (const Desired& d : desired) {
    const Status applied = ApplyOne(d, client, report);
    if (!applied.ok()) report.errors.push_back({d.file, applied.message()});
  }
  if (report.errors.empty()) {
    const Status pruned = Prune(desired, client, report);
    if (!pruned.ok()) report.errors.push_back({directory, pruned.message()});
  }
  return report;
}

}  // namespace salve::runtime
