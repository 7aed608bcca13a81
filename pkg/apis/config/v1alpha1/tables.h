// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_CONFIG_V1ALPHA1_TABLES_H_
#define SALVE_PKG_APIS_CONFIG_V1ALPHA1_TABLES_H_

#include <string>
#include <vector>

#include "pkg/apis/codec_impl.h"
#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/apis/field_error.h"

// What the files that read the configuration share: the tables of its parts, and the checks that
// the tables cannot express. Each check adds what is wrong.
namespace salve::apis {

template <>
const Struct& SchemaOf<config::v1alpha1::SecretReference>();
template <>
const Struct& SchemaOf<config::v1alpha1::SecretsConfiguration>();
template <>
const Struct& SchemaOf<config::v1alpha1::ReceiverConfiguration>();
template <>
const Struct& SchemaOf<config::v1alpha1::GithubSink>();

namespace config::v1alpha1 {

// Exactly one source, a file by its absolute path, and names that AWS can have.
void CheckSecret(const SecretReference& secret, const std::string& path, FieldErrors& errors);
// Whose credentials are used is said once, and a prefix ends with a whole part of a name.
void CheckAwsSecrets(const AwsSecretsConfiguration& aws,
                     const std::vector<BackendConfiguration>& backends, FieldErrors& errors);
void CheckReceivers(const std::vector<ReceiverConfiguration>& receivers, FieldErrors& errors);
// One way to log in, something to do, and names that GitHub and git can have.
void CheckGithub(const GithubSink& github, const std::string& path, FieldErrors& errors);
void CompleteGithub(GithubSink& github);

}  // namespace config::v1alpha1
}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_CONFIG_V1ALPHA1_TABLES_H_
