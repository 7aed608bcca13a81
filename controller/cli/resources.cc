// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/resources.h"

#include <algorithm>

#include "pkg/apis/kinds.h"
#include "pkg/base/ascii.h"

namespace salve::cli {
namespace {

std::vector<std::string> Strings(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto it = object.find(key);
  if (it == object.end() || !it->is_array()) return out;
  for (const Json& item : *it) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace

std::string ResourceType::Prefix() const {
  return info.group.empty() ? singular : singular + "." + info.group;
}

bool ResourceType::Means(const std::string& word) const {
  std::string bare = AsciiLower(word);
  // "incidents.salve.dev" and "incidents.v1alpha1.salve.dev".
  for (const std::string& suffix : {"." + info.version + "." + info.group, "." + info.group}) {
    if (!info.group.empty() && bare.size() > suffix.size() &&
        bare.compare(bare.size() - suffix.size(), suffix.size(), suffix) == 0) {
      bare.resize(bare.size() - suffix.size());
      return bare == info.plural || bare == singular || bare == AsciiLower(info.kind);
    }
  }
  const auto in = [&bare](const std::vector<std::string>& words) {
    return std::find(words.begin(), words.end(), bare) != words.end();
  };
  return bare == info.plural || bare == singular || bare == AsciiLower(info.kind) ||
         in(short_names) || in(categories);
}

const std::vector<ResourceType>& KnownTypes() {
  static const std::vector<ResourceType> types = [] {
    std::vector<ResourceType> all;
    for (const apis::Kind& kind : apis::SalveKinds()) {
      all.push_back({*kind.table->info, kind.singular, kind.short_names, {"healing"}});
    }
    all.push_back({{"", "v1", "namespaces", "Namespace", false}, "namespace", {"ns"}, {}});
    all.push_back({{"", "v1", "configmaps", "ConfigMap", true}, "configmap", {"cm"}, {}});
    all.push_back({{"", "v1", "secrets", "Secret", true}, "secret", {}, {}});
    all.push_back({{"", "v1", "events", "Event", true}, "event", {"ev"}, {}});
    all.push_back({{"coordination.k8s.io", "v1", "leases", "Lease", true}, "lease", {}, {}});
    all.push_back({{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                    "CustomResourceDefinition", false},
                   "customresourcedefinition",
                   {"crd", "crds"},
                   {}});
    return all;
  }();
  return types;
}

std::vector<ResourceType> TypesOf(const std::string& group_version, const Json& resource_list) {
  std::vector<ResourceType> types;
  const std::size_t slash = group_version.find('/');
  const std::string group = slash == std::string::npos ? "" : group_version.substr(0, slash);
  const std::string version =
      slash == std::string::npos ? group_version : group_version.substr(slash + 1);
  const auto list = resource_list.find("resources");
  if (list == resource_list.end() || !list->is_array()) return types;
  for (const Json& one : *list) {
    const std::string plural = TextAt(one, {"name"});
    const std::string kind = TextAt(one, {"kind"});
    if (plural.empty() || plural.find('/') != std::string::npos) continue;
    const auto namespaced = one.find("namespaced");
    std::string singular = TextAt(one, {"singularName"});
    if (singular.empty()) singular = AsciiLower(kind);
    types.push_back(
        {{group, version, plural, kind,
          namespaced != one.end() && namespaced->is_boolean() && namespaced->get<bool>()},
         singular,
         Strings(one, "shortNames"),
         Strings(one, "categories")});
  }
  return types;
}

std::vector<ResourceType> Find(const std::vector<ResourceType>& types, const std::string& word) {
  std::vector<ResourceType> found;
  for (const ResourceType& type : types) {
    if (type.Means(word)) found.push_back(type);
  }
  return found;
}

StatusOr<std::vector<Wanted>> ParseWanted(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    return InvalidArgumentError("say what: TYPE, TYPE NAME or TYPE/NAME, for example incidents");
  }
  std::vector<Wanted> wanted;
  if (arguments[0].find('/') == std::string::npos) {
    wanted.push_back({arguments[0], {arguments.begin() + 1, arguments.end()}});
    for (const std::string& name : wanted[0].names) {
      if (name.find('/') != std::string::npos) {
        return InvalidArgumentError("\"" + name + "\": either TYPE NAME… or TYPE/NAME…, not both");
      }
    }
    return wanted;
  }
  for (const std::string& argument : arguments) {
    const std::size_t slash = argument.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == argument.size() ||
        argument.find('/', slash + 1) != std::string::npos) {
      return InvalidArgumentError("\"" + argument + "\" is not TYPE/NAME");
    }
    wanted.push_back({argument.substr(0, slash), {argument.substr(slash + 1)}});
  }
  return wanted;
}

StatusOr<Named> ParseNamed(const std::string& argument) {
  const std::size_t slash = argument.find('/');
  if (slash == std::string::npos && !argument.empty()) return Named{"", "", argument};
  if (argument.empty() || slash == 0 || slash + 1 == argument.size() ||
      argument.find('/', slash + 1) != std::string::npos) {
    return InvalidArgumentError("\"" + argument + "\" is not NAME, TYPE/NAME or NAMESPACE/NAME");
  }
  const std::string first = argument.substr(0, slash);
  const std::string name = argument.substr(slash + 1);
  if (Find(KnownTypes(), first).empty()) return Named{"", first, name};
  return Named{first, "", name};
}

std::string TextAt(const Json& object, const std::vector<std::string>& path) {
  const Json* at = &object;
  for (const std::string& key : path) {
    if (!at->is_object()) return "";
    const auto it = at->find(key);
    if (it == at->end()) return "";
    at = &*it;
  }
  return at->is_string() ? at->get<std::string>() : "";
}

}  // namespace salve::cli
