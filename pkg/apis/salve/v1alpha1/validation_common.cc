// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <set>

#include "pkg/apis/salve/v1alpha1/redis_parameters.h"
#include "pkg/apis/salve/v1alpha1/validation_internal.h"
#include "pkg/apis/syntax.h"
#include "pkg/base/cron.h"
#include "pkg/base/pattern.h"
#include "pkg/base/time_zone.h"

namespace salve::apis::internal {

namespace v1alpha1 = salve::v1alpha1;

namespace {

// Less than container runtimes accept.
constexpr std::int64_t kLeastMemoryLimit = 4 << 20;

void ValidateStopTimeout(const std::optional<std::int64_t>& stop, std::int64_t timeout,
                         const std::string& path, FieldErrors& errors) {
  if (!stop || *stop <= timeout) return;
  errors.push_back(InvalidField(
      path + ".stopTimeoutSeconds", std::to_string(*stop),
      "must not be above the step's timeoutSeconds (" + std::to_string(timeout) + ")"));
}

// UpdateResourcesAction or SetResourcesAction.
template <class T>
void ValidateResources(const T& update, const std::string& path, FieldErrors& errors) {
  if (!update.memory_bytes && !update.memory_percent && !update.cpu_millis) {
    errors.push_back(
        RequiredField(path, "one of memoryBytes, memoryPercent, cpuMillis must be set"));
  }
  if (update.memory_bytes && update.memory_percent) {
    errors.push_back(ForbiddenField(path + ".memoryPercent",
                                    "memoryBytes and memoryPercent exclude each other"));
  }
  if (update.memory_percent && !update.max_memory_bytes) {
    errors.push_back(
        RequiredField(path + ".maxMemoryBytes",
                      "memoryPercent needs a limit, or repeated healing grows for ever"));
  }
  if (update.memory_bytes && update.max_memory_bytes &&
      *update.memory_bytes > *update.max_memory_bytes) {
    errors.push_back(InvalidField(path + ".memoryBytes", std::to_string(*update.memory_bytes),
                                  "must not be above maxMemoryBytes"));
  }
}

// Zero takes a limit away: that is for the inverse of having set one.
void ValidateKeptLimits(const v1alpha1::SetResourcesAction& set, const std::string& path,
                        FieldErrors& errors) {
  if (set.memory_bytes && *set.memory_bytes < kLeastMemoryLimit) {
    errors.push_back(InvalidField(path + ".memoryBytes", std::to_string(*set.memory_bytes),
                                  "must be at least " + std::to_string(kLeastMemoryLimit)));
  }
  if (set.cpu_millis && *set.cpu_millis < 1) {
    errors.push_back(InvalidField(path + ".cpuMillis", "0", "must be at least 1"));
  }
}

void ValidateRedisParameter(const v1alpha1::RedisSetConfigAction& set, const std::string& path,
                            FieldErrors& errors) {
  const std::vector<std::string>& known = v1alpha1::RedisParameterNames();
  // The schema reports what is not on the list.
  if (!std::binary_search(known.begin(), known.end(), set.parameter)) return;
  AddInvalid(v1alpha1::CheckRedisParameter(set.parameter, set.value), path + ".value", set.value,
             errors);
}

bool IsAbout(const FieldError& schema, const std::string& field) {
  if (schema.field == field) return true;
  // Of something that is missing nothing else needs to be said.
  return schema.reason == kFieldValueRequired && field.starts_with(schema.field + ".");
}

}  // namespace

void AddInvalid(const std::string& why, const std::string& path, const std::string& value,
                FieldErrors& errors) {
  if (!why.empty()) errors.push_back(InvalidField(path, Quoted(value), why));
}

void ValidatePattern(const std::string& pattern, const std::string& path, FieldErrors& errors) {
  if (pattern.empty()) return;
  const auto compiled = Pattern::Compile(pattern);
  if (!compiled.ok()) AddInvalid(compiled.status().message(), path, pattern, errors);
}

void ValidateCron(const std::string& cron, const std::string& time_zone, const std::string& path,
                  FieldErrors& errors) {
  if (const auto parsed = Cron::Parse(cron); !parsed.ok()) {
    AddInvalid(parsed.status().message(), path + ".cron", cron, errors);
  }
  if (time_zone.empty()) return;  // UTC
  const auto zone = SystemTimeZones().Find(time_zone);
  if (!zone.ok()) {
    AddInvalid(
        "must be a time zone of this machine, as in Europe/Berlin: " + zone.status().message(),
        path + ".timeZone", time_zone, errors);
  }
}

void ValidateWindows(const std::vector<v1alpha1::Window>& windows, const std::string& path,
                     FieldErrors& errors) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const std::string here = At(path, i);
    if (!windows[i].name.empty() && !names.insert(windows[i].name).second) {
      errors.push_back(DuplicateField(here + ".name", Quoted(windows[i].name)));
    }
    ValidateCron(windows[i].cron, windows[i].time_zone, here, errors);
  }
}

void ValidateSelector(const v1alpha1::LabelSelector& selector, const std::string& path,
                      FieldErrors& errors) {
  for (const auto& [key, value] : selector.match_labels) {
    AddInvalid(CheckLabelKey(key), path + ".matchLabels", key, errors);
    AddInvalid(CheckLabelValue(value), path + ".matchLabels." + key, value, errors);
  }
  for (std::size_t i = 0; i < selector.match_expressions.size(); ++i) {
    const v1alpha1::LabelSelectorRequirement& one = selector.match_expressions[i];
    const std::string here = At(path + ".matchExpressions", i);
    if (!one.key.empty()) AddInvalid(CheckLabelKey(one.key), here + ".key", one.key, errors);
    const bool takes_values = one.op == "In" || one.op == "NotIn";
    if (takes_values && one.values.empty()) {
      errors.push_back(RequiredField(here + ".values", "In and NotIn need values"));
    }
    if (!takes_values && !one.values.empty()) {
      errors.push_back(ForbiddenField(here + ".values", "Exists and DoesNotExist have no values"));
    }
    for (std::size_t k = 0; k < one.values.size(); ++k) {
      AddInvalid(CheckLabelValue(one.values[k]), At(here + ".values", k), one.values[k], errors);
    }
  }
}

void ValidateAction(const v1alpha1::Action& action, std::int64_t timeout_seconds,
                    const std::string& path, FieldErrors& errors) {
  if (action.restart) {
    ValidateStopTimeout(action.restart->stop_timeout_seconds, timeout_seconds, path + ".restart",
                        errors);
  }
  if (action.stop) {
    ValidateStopTimeout(action.stop->stop_timeout_seconds, timeout_seconds, path + ".stop", errors);
  }
  if (action.update_resources) {
    ValidateResources(*action.update_resources, path + ".updateResources", errors);
  }
  if (action.set_resources) {
    ValidateResources(*action.set_resources, path + ".setResources", errors);
    ValidateKeptLimits(*action.set_resources, path + ".setResources", errors);
  }
  if (action.exec) CheckArgv(action.exec->argv, path + ".exec.argv", errors);
  if (action.redis_set_config) {
    ValidateRedisParameter(*action.redis_set_config, path + ".redisSetConfig", errors);
  }
}

void ValidateSecretSource(const v1alpha1::SecretSource& source, const std::string& path,
                          FieldErrors& errors) {
  if (source.secret_name && source.secret_key.empty()) {
    errors.push_back(RequiredField(path + ".secretKey", "the key in the Secret"));
  }
  if (!source.secret_name && !source.secret_key.empty()) {
    errors.push_back(RequiredField(path + ".secretName", "the Secret that has the key"));
  }
  if (source.secret_name) {
    AddInvalid(CheckObjectName(*source.secret_name), path + ".secretName", *source.secret_name,
               errors);
  }
}

FieldErrors Together(FieldErrors schema, FieldErrors more) {
  const std::size_t found = schema.size();
  for (FieldError& error : more) {
    const auto known =
        std::any_of(schema.begin(), schema.begin() + static_cast<std::ptrdiff_t>(found),
                    [&](const FieldError& s) { return IsAbout(s, error.field); });
    if (!known) schema.push_back(std::move(error));
  }
  return schema;
}

}  // namespace salve::apis::internal
